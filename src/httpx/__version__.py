"""The name, the summary and the version of the package."""

__title__ = "httpx"
__description__ = "A next generation HTTP client, for Python 3."
__version__ = "0.28.100"
