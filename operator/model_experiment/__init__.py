"""Experiments between models on live traffic, decided by sequential statistics, in Kubernetes."""
