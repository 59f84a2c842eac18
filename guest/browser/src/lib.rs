//! Shell of the core for pages and Node
