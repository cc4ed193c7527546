"""Titles by their page views: view files in, redirects followed, normal forms joined, ranked titles out."""
