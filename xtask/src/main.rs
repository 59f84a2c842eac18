//! `cargo xtask`: the only build scripting there is.
//!
//! Each verb is a module with one public function; what several need is in `cargo` (running commands) and `paths`.
#![forbid(unsafe_code)]

mod bench;
mod cargo;
mod fuzz;
mod guest;
mod host;
mod paths;
mod test;
mod tools;
mod web;

use std::process::ExitCode;

use anyhow::bail;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let verb = args.next().unwrap_or_default();
    let rest: Vec<_> = args.collect();
    let outcome = match verb.to_str().unwrap_or_default() {
        "build" => host::build(),
        "run" => host::run(&rest),
        "install" => host::install(),
        "web" => web::build(),
        "test" => test::run(&rest),
        "bench" => bench::run(&rest),
        "fuzz" => fuzz::run(&rest),
        "" | "help" | "-h" | "--help" => {
            print!("{USAGE}");
            Ok(())
        }
        other => {
            eprint!("{USAGE}");
            (|| bail!("unknown verb `{other}`"))()
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "\
cargo xtask build             the components, then the command line: target/release/ocix
cargo xtask run ARGS…         `ocix ARGS…` after building what is stale
cargo xtask install           the command line into cargo's bin folder
cargo xtask web               the npm package's core into web/pkg, and the page into web/dist
cargo xtask test [FILTER…]    installs what the tests need, then runs every check; with filters only the tests they match
cargo xtask bench [PART]      measures all, `layers`, `registries`, `looking`, `containerd` or `unpack`, and writes tests/bench
cargo xtask bench --quick     measures less, and only prints
cargo xtask fuzz [TARGET…]    looks for what breaks a parser, for `--seconds 60` each
";
