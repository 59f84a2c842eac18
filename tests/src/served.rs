//! `ocix serve`, running.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::http::{Answer, ask};
use crate::scratch::Scratch;

/// Runs until dropped.
pub struct Served {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// `/TOKEN/`.
    pub root: String,
}

impl Served {
    /// Starts it with these arguments. Programs of the scratch folder's `bin` come before others, and its `run` is where the user's running
    /// things are.
    pub fn start(scratch: &Scratch, args: &[&str]) -> Self {
        let mut ocix = scratch.ocix();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(scratch.path("bin")).chain(std::env::split_paths(&path)));
        ocix.env("PATH", path.unwrap()).env("XDG_RUNTIME_DIR", scratch.path("run"));
        ocix.arg("serve").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = ocix.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("http://").and_then(|url| url.split_once('/'));
        let (address, root) = url.unwrap_or_else(|| panic!("no address: {line:?}"));
        assert!(root.len() > 40 && root.ends_with('/') && address.starts_with("127.0.0.1:"), "{line}");
        Self { child, address: address.to_owned(), root: format!("/{root}") }
    }

    /// Asks for what is at a path beneath the token.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        ask(&self.address, "GET", &format!("{}{path}", self.root), headers, b"")
    }

    /// Asks for what is at a URL, through the proxy.
    pub fn proxied(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let url: String = url.bytes().map(|byte| format!("%{byte:02X}")).collect();
        ask(&self.address, method, &format!("{}proxy?url={url}", self.root), headers, body)
    }

    /// The most memory that it has had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Sends a signal, and gives the exit code.
    pub fn end(&mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
