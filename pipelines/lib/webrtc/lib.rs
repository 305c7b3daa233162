//! Nothing: the plugin is the dependency.
