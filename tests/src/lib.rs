//! Tests of everything
