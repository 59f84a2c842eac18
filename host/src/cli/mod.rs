//! Arguments, commands and exit codes: 0 done, 1 failed, 2 wrong usage or option, 130 interrupted.

mod answer;
mod attestation;
mod config;
mod copy;
mod destination;
mod export;
mod index;
mod keeping;
mod login;
mod look;
mod options;
mod progress;
mod push;
mod registries;
mod serve;
mod settings;
mod source;
mod store;
mod transfer;
mod unpack;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use ocix::{Error, ErrorCode, Fault};

/// Container images without a daemon, out of a sandbox.
#[derive(Parser)]
#[command(name = "ocix", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a file of an image.
    Cat(Box<look::cat::Command>),
    /// Copy an image as it is, every digest kept: from a registry, layout, archive or the store to any of them.
    Copy(Box<copy::Command>),
    /// Compare two images: documents, layers and files, and what would make them equal.
    Diff(Box<look::diff::Command>),
    /// Export directories, tars and images as a container image.
    Export(Box<export::Export>),
    /// Remove from the store what none of its names needs.
    Gc(Box<store::gc::Command>),
    /// List the images in the store.
    Images(Box<store::images::Command>),
    /// Make image indexes of images that there are.
    Index(index::Index),
    /// Show an image at a glance, or one of its documents as it is.
    Inspect(Box<look::inspect::Command>),
    /// Keep a user and password for a registry, where docker and podman keep theirs.
    Login(Box<login::Login>),
    /// Forget what is kept for a registry.
    Logout(login::Logout),
    /// List the files of an image.
    Ls(Box<look::ls::Command>),
    /// List what an --output can say.
    Options(options::Options),
    /// Push an image of the store to its registry or to others, as it is.
    Push(Box<push::Push>),
    /// Take names of the store away; what they stood for stays until ocix gc.
    Rm(Box<store::rm::Command>),
    /// Show images in a browser: the page, with the store and with registries that let no page read them.
    Serve(Box<serve::Serve>),
    /// Look after the store.
    Store(Box<store::check::Store>),
    /// Give an image of the store more names.
    Tag(Box<store::tag::Command>),
    /// Show an image's documents and blobs, what lists them, and what refers to them.
    Tree(Box<look::tree::Command>),
    /// Write an image's root file system into a directory, alone or as a bundle that runc starts.
    Unpack(Box<unpack::Command>),
    /// Find all that is wrong or odd with an image; exit with 1 when it is broken.
    Verify(Box<look::verify::Command>),
}

/// Runs the command line.
pub fn main() -> ExitCode {
    // The options are the component's, and it is only asked when somebody wants to read them.
    let mut command = Arguments::command();
    let asks_for_help =
        std::env::args_os().any(|argument| argument == "--help" || argument == "-h" || argument == "help");
    if asks_for_help && let Ok(table) = options::table() {
        command = command.mut_subcommand("export", |export| {
            export.after_help(format!("Options of --output, as key=value joined by commas:\n{table}"))
        });
    }
    let arguments = command.try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    match arguments {
        Ok(Arguments { command: Command::Cat(cat) }) => cat.run(),
        Ok(Arguments { command: Command::Copy(copy) }) => copy.run(),
        Ok(Arguments { command: Command::Diff(diff) }) => diff.run(),
        Ok(Arguments { command: Command::Export(export) }) => export.run(),
        Ok(Arguments { command: Command::Gc(gc) }) => gc.run(),
        Ok(Arguments { command: Command::Images(images) }) => images.run(),
        Ok(Arguments { command: Command::Index(index) }) => index.run(),
        Ok(Arguments { command: Command::Inspect(inspect) }) => inspect.run(),
        Ok(Arguments { command: Command::Login(login) }) => login.run(),
        Ok(Arguments { command: Command::Logout(logout) }) => logout.run(),
        Ok(Arguments { command: Command::Ls(ls) }) => ls.run(),
        Ok(Arguments { command: Command::Options(options) }) => options.run(),
        Ok(Arguments { command: Command::Push(push) }) => push.run(),
        Ok(Arguments { command: Command::Rm(rm) }) => rm.run(),
        Ok(Arguments { command: Command::Serve(serve) }) => serve.run(),
        Ok(Arguments { command: Command::Store(store) }) => store.run(),
        Ok(Arguments { command: Command::Tag(tag) }) => tag.run(),
        Ok(Arguments { command: Command::Tree(tree) }) => tree.run(),
        Ok(Arguments { command: Command::Unpack(unpack) }) => unpack.run(),
        Ok(Arguments { command: Command::Verify(verify) }) => verify.run(),
        Err(usage) => {
            // A reader that has gone does not want to know.
            let _ = usage.print();
            ExitCode::from(usage.exit_code() as u8)
        }
    }
}

/// Tells an error in one line, and gives the exit code.
fn failed(error: &Error) -> ExitCode {
    eprintln!("ocix: {}", ocix::shown(&error.to_string()));
    code(error)
}

fn code(error: &Error) -> ExitCode {
    match (&error.code, error.fault) {
        (ErrorCode::Cancelled, _) => ExitCode::from(130),
        (ErrorCode::InvalidOption(_) | ErrorCode::Conflict(_), Fault::Request) => ExitCode::from(2),
        (ErrorCode::Malformed(what), Fault::Request) if what == "reference" || what == "platform" => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}
