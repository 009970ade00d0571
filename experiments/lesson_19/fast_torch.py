"""The fast recipe in PyTorch: the same network, batches and steps, for comparison.

Everything that a reader of `cnnlab.models.fast_cnn` and `cnnlab.train` finds there
stands here as one writes it in PyTorch. `fast_cnn_rivals` times both.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

SPEED = 64  # of biases, as of `cnnlab.layers.fast_bias`


class Bias(nn.Module):
    """Adds to each channel a bias that learns faster; see `FastBias`."""

    def __init__(self, channels):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return x + SPEED**0.5 * self.bias[:, None, None]


def network(kernel, bias, filters, num_classes=10):
    """Builds `cnnlab.models.fast_cnn.fast_cnn`.

    Args:
        kernel: Of the whitening layer as Keras has it, shape `(2, 2, 3, 24)`.
        bias: Shape `(24,)`.
        filters: Channels of each block.
        num_classes: Number of classes.

    Returns:
        A `torch.nn.Module` from images `(B, 3, H, W)` to logits.
    """
    first = nn.Conv2d(kernel.shape[2], kernel.shape[3], kernel.shape[:2])
    first.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1))
    first.bias.data = torch.tensor(bias, dtype=torch.float32)
    first.requires_grad_(False)
    layers, channels = [first, nn.GELU()], kernel.shape[3]
    for wider in filters:
        layers += [_convolution(channels, wider), nn.MaxPool2d(2), *_normalized(wider)]
        layers += [_convolution(wider, wider), *_normalized(wider)]
        channels = wider
    last = nn.Linear(channels, num_classes, bias=False)
    layers += [nn.AdaptiveMaxPool2d(1), nn.Flatten(), Ninth(), last]
    return nn.Sequential(*layers)


class Ninth(nn.Module):
    """Divides by 9."""

    def forward(self, x):
        return x / 9


def _convolution(channels, filters):
    layer = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight.data[:channels])
    return layer


def _normalized(channels):
    # PyTorch's momentum is the share of the new batch: one less Keras'.
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.4, affine=False), *(
        Bias(channels),
        nn.GELU(),
    )


class Training:
    """One training, epoch by epoch.

    Args:
        model: From `network`.
        batches: A `cnnlab.train.Epochs`.
        rate: Function from a step's number to its learning rate.
        num_steps: Steps of the whole training.
        momentum: Of the optimiser.
        weight_decay: As `cnnlab.train.train_fast` has it: apart from the gradient.
        label_smoothing: Share of the truth that is spread over all classes.
        channels_last: Whether channels lie beside each other in memory.
        dtype: Type that convolutions compute in; `None` for the weights' own.
    """

    def __init__(
        self,
        model,
        batches,
        rate,
        num_steps,
        *,
        momentum=0.85,
        weight_decay=0.009,
        label_smoothing=0.2,
        channels_last=False,
        dtype=None,
    ):
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.model = model.to(memory_format=layout)
        self.layout, self.dtype = layout, dtype
        self.batches, self.rate, self.num_steps = batches, rate, num_steps
        self.weight_decay, self.label_smoothing = weight_decay, label_smoothing
        self.weights = [w for w in model.parameters() if w.requires_grad]
        self.slow = [torch.zeros_like(weight) for weight in self.weights]
        self.optimizer = torch.optim.SGD(
            self.weights, lr=rate(0), momentum=momentum, nesterov=True
        )
        self.step = 0

    def epoch(self, size=None):
        """Trains once on all batches, their images resized if a size is given."""
        self.model.train()
        self.batches.size = size
        for index in range(len(self.batches)):
            images, one_hot = self.batches[index]
            self._step(_tensor(images, self.layout), torch.from_numpy(one_hot))
        self.batches.on_epoch_end()

    def _step(self, images, one_hot):
        rate = float(self.rate(self.step))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", self.dtype, enabled=self.dtype is not None):
            logits = self.model(images)
        loss = functional.cross_entropy(
            logits.float(), one_hot, label_smoothing=self.label_smoothing
        )
        self.optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            torch._foreach_mul_(self.weights, 1 - rate * self.weight_decay)
            self.optimizer.step()
            self.step += 1
            if self.step % 5 == 0:
                pull = 0.95**5 * ((self.step - 5) / self.num_steps) ** 3
                torch._foreach_lerp_(self.slow, self.weights, 1 - pull)
                torch._foreach_copy_(self.weights, self.slow)


def _tensor(images, layout):
    """Returns channels-last images as a tensor `(B, 3, H, W)` of a memory layout."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    return tensor.contiguous(memory_format=layout)
