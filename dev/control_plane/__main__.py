from control_plane import building
building.build(building.missing())
