"""A search within a budget: what costs too much is not trained.

The cost is asked of the untrained network: multiply-accumulates, or milliseconds
measured on the device that is meant. A network over budget scores `1 - cost / limit`,
an accuracy of zero minus a penalty for the excess. So whatever keeps to the budget is
ahead of whatever does not, and a strategy that learns from scores learns which way is
cheaper.

Taught in notebooks/09_architecture_search.ipynb.
Source: latency in the objective, Tan et al. 2019, section 3,
    https://arxiv.org/abs/1807.11626; feasible before infeasible, Deb 2000,
    https://doi.org/10.1016/S0045-7825(99)00389-8
"""

import keras_tuner

OBJECTIVE = keras_tuner.Objective("score", "max")


class WithinBudget(keras_tuner.HyperModel):
    """A hypermodel that trains a network only if it keeps to a budget.

    Pass it to `keras_tuner.RandomSearch` or `BayesianOptimization` with
    `objective=OBJECTIVE`. Hyperband goes on from the weights of earlier trials, which
    a network that was not trained does not have.

    Args:
        build: Function from `keras_tuner.HyperParameters` to a compiled `keras.Model`
            with the metric `accuracy`.
        cost: Function from an untrained `keras.Model` to a number.
        limit: The highest cost that is allowed, greater than 0.

    Raises:
        ValueError: If `limit` is not greater than 0.
    """

    def __init__(self, build, cost, limit):
        super().__init__()
        if not limit > 0:
            raise ValueError(
                "`limit` must be greater than 0, in the unit of `cost`. "
                f"Received: limit={limit}"
            )
        self.build, self.cost, self.limit = build, cost, limit

    def fit(self, hp, model, *arguments, **options):
        """Trains a network within the budget; called by KerasTuner for each trial.

        Args:
            hp: `keras_tuner.HyperParameters`.
            model: A compiled `keras.Model`, untrained.
            arguments: Of `model.fit`.
            options: Of `model.fit`; `validation_data` must be among them.

        Returns:
            A dict: `cost`, and `score`, the validation accuracy after the last epoch,
            or a negative number for a network over budget.
        """
        cost = float(self.cost(model))
        if cost > self.limit:
            return {"score": 1 - cost / self.limit, "cost": cost}
        history = model.fit(*arguments, **options).history
        return {"score": history["val_accuracy"][-1], "cost": cost}
