"""What was judged becomes otherwise: corrected, withdrawn, completed, not alone in its session."""
