//! Nearly every test that needs the command line or a counterpart, in one program: compiled and linked once, and the long ones run beside the others.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod again;
mod architecture;
mod broken;
mod bundles;
mod cases;
mod cli;
mod codecs;
mod containerd;
mod copy;
mod credentials;
mod debian;
mod engines;
mod escapes;
mod exporters;
mod failures;
mod golden;
mod hostile;
mod inspect;
mod interrupt;
mod licences;
mod limits;
mod oracles;
mod push;
mod recorded;
mod referrers;
mod registry;
mod schema;
mod serve;
mod serve_proxy;
mod stores;
mod stores_faults;
mod stores_killed;
mod stores_many;
mod tokens;
mod transport;
mod tree;
mod unpack;
