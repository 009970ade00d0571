"""The drawn world: shapes, backgrounds, images, clips and solids; arrays out."""
