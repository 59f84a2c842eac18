//! Shell of the world images
