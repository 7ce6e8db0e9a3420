"""Third-party packages that Lambda's runtime lacks, copied unchanged; each folder has a README with its
version."""
