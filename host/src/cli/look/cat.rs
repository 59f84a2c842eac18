//! `ocix cat`: the content of a file in an image.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use ocix::{Content, Error, Image};

use super::{Flags, only, place};
use crate::cli::{failed, source};

/// The command.
#[derive(Args)]
pub struct Command {
    /// The image and the file in it, as in alpine:3.20:/etc/os-release or oci:PATH#NAME:/etc/hosts.
    #[arg(value_name = "SOURCE:PATH")]
    place: String,
    /// Of this layer alone, counted from 0 at the bottom [default: of all layers together, as a container sees it].
    #[arg(long, value_name = "NUMBER")]
    layer: Option<u32>,
    #[command(flatten)]
    flags: Flags,
}

impl Command {
    /// Prints the content, and gives the exit code.
    pub fn run(self) -> ExitCode {
        let Self { place, layer, flags } = self;
        match place::parse(&place) {
            Ok((content, Some(path))) => run(flags, content, layer, path),
            Ok((_, None)) => failed(&source::wrong(format!(
                "`{}` names no file: write SOURCE:/PATH, as in alpine:/etc/os-release",
                ocix::shown(&place)
            ))),
            Err(error) => failed(&error),
        }
    }
}

/// Prints a file's content, and gives the exit code.
pub fn run(flags: Flags, content: Content, layer: Option<u32>, path: String) -> ExitCode {
    match flags.look(vec![content], async |images| copy(&only(images)?, layer, &path).await) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// As it is, but nothing steers a terminal.
async fn copy(image: &Image, layer: Option<u32>, path: &str) -> Result<(), Error> {
    let terminal = std::io::stdout().is_terminal();
    let mut offset = 0;
    loop {
        let piece = image.read(layer, path, offset, PIECE).await?;
        offset += piece.bytes.len() as u64;
        let written = if terminal {
            std::io::stdout().write_all(escaped(&piece.bytes).as_bytes())
        } else {
            std::io::stdout().write_all(&piece.bytes)
        };
        // A reader that has gone does not want to know.
        if written.is_err() || piece.bytes.is_empty() || offset >= piece.size {
            return Ok(());
        }
    }
}

fn escaped(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let kept = |c: char| matches!(c, '\n' | '\t');
    text.split_inclusive(kept)
        .map(|part| match part.char_indices().next_back() {
            Some((at, end)) if kept(end) => format!("{}{end}", ocix::shown(&part[..at])),
            _ => ocix::shown(part),
        })
        .collect()
}

/// Bytes that are asked for at once.
const PIECE: u32 = 1 << 20;

#[cfg(test)]
mod tests {
    #[test]
    fn lines_stay_lines() {
        assert_eq!(super::escaped(b"a\tb\n\x1b[2J\r\nc"), "a\tb\n\\u{1b}[2J\\u{d}\nc");
    }
}
