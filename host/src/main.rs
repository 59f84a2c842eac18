//! The command line: `ocix`. Standard output is the answer, standard error the story.

mod cli;

use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Pieces of a megabyte come and go all the time: this one keeps their pages, where the system's gives them back and clears them anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    raise_open_files();
    cli::main()
}

/// As many open files as this user may have: an image has a file or two a layer.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where it may not be raised, what is allowed has to do.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
