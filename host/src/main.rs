//! The command line: `ocix`. Standard output is the answer, standard error the story.

mod cli;

use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn main() -> ExitCode {
    raise_open_files();
    keep_pages();
    cli::main()
}

/// As many open files as this user may have: an image has a file or two a layer.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where it may not be raised, what is allowed has to do.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Pieces of a megabyte come and go all the time. Some allocators, glibc's among them, give their pages back each time, to be cleared
/// anew by the kernel, until they have seen that larger blocks are freed.
fn keep_pages() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE)));
}

/// Just below what glibc learns from (`DEFAULT_MMAP_THRESHOLD_MAX`), in bytes.
const LARGE: usize = (32 << 20) - (64 << 10);
