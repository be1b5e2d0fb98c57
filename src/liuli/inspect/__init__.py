"""Looking inside."""

__all__: list[str] = []
