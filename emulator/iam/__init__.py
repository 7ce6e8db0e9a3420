"""IAM on the target: who calls, what the deployed policies let it do, and what AWS's own services do for a stack."""

from .caller import Caller, caller

__all__ = ["Caller", "caller"]
