//! Shell of the world toolkit
