"""Making the mesh do what was decided: a small port and one file a mesh."""
