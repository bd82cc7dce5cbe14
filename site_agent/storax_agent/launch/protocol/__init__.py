"""The messages between processes of a site that outlive each other, with the versions in which they are written."""
