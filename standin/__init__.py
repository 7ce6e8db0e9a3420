"""A stand-in of the WhatsApp Business API client: a real HTTPS server with a simulated Multiconnect cluster."""

from standin.harness import Standin

__all__ = ["Standin"]
