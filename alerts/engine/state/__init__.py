"""What is remembered of the patients of a partition, and how that is written down."""
