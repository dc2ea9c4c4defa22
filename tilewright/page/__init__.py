"""The report of a profiled run: one HTML file that needs no network and no script."""

from .page import profile_page

__all__ = ["profile_page"]
