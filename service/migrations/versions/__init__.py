"""The schemas there ever were, each as a step from the one before."""
