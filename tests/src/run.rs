//! Running programs to their end.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::scratch::repository;

/// `cargo VERB`, of the toolchain that the tests were compiled with, in the repository.
pub fn cargo(verb: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(verb).current_dir(repository());
    cargo
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Run {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    shown: String,
}

impl Run {
    /// Runs to the end, with nothing on standard input unless the command says otherwise.
    pub fn of(command: &mut Command) -> Self {
        let shown = format!("{command:?}");
        let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{shown}: {error}"));
        Self::ended(shown, output)
    }

    /// Runs to the end with these bytes on standard input. A program that stops reading is no failure of ours.
    pub fn fed(command: &mut Command, input: &[u8]) -> Self {
        let shown = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
        let mut stdin = child.stdin.take().expect("piped");
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input));
            Self::ended(shown, child.wait_with_output().expect("a child of ours"))
        })
    }

    /// Gives these bytes to a program, which must succeed, and takes what it makes of them.
    pub fn filter(command: &mut Command, input: &[u8]) -> Vec<u8> {
        let shown = format!("{command:?}");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it was found before");
        let mut stdin = child.stdin.take().expect("piped");
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output().expect("a child of ours")
        });
        assert!(output.status.success(), "{shown}: {}", output.status);
        output.stdout
    }

    /// What became of a command that was started elsewhere.
    pub fn ended(shown: String, output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr), shown }
    }

    /// It must have succeeded.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.told());
        self
    }

    /// It must have failed with this code, saying nothing on standard output and one line on standard error that has every word.
    pub fn failed(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.told());
        assert_eq!(self.stdout, "", "{}", self.told());
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "not one line\n{}", self.told());
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is missing\n{}", self.told());
        }
        let line = self.stderr.trim_end();
        assert!(!line.ends_with('.'), "ends with a full stop\n{}", self.told());
        self
    }

    /// The digest of the one line `NAME@DIGEST` on standard output.
    pub fn digest(&self) -> String {
        let line = self.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("no line\n{}", self.told()));
        let (_, digest) = line.rsplit_once('@').unwrap_or_else(|| panic!("no digest\n{}", self.told()));
        assert!(digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64), "no digest\n{}", self.told());
        digest.to_owned()
    }

    /// Everything, for a message.
    pub fn told(&self) -> String {
        let Self { code, stdout, stderr, shown } = self;
        format!("{shown}\nexit {code:?}\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }
}

/// Somebody else's program; `need!` has made sure of it. It speaks English, in UTC.
pub fn program(name: &str) -> Command {
    let path = find(name).unwrap_or_else(|| panic!("{name} is not installed"));
    let mut command = Command::new(path);
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command
}

/// Runs somebody else's program, which must succeed, and gives its standard output.
pub fn output<S: AsRef<OsStr>>(name: &str, args: &[S]) -> String {
    Run::of(program(name).args(args)).ok().stdout
}

/// Where a program is: on the path, or where Debian keeps the administrator's.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}
