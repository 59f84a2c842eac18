//! Every archive and frame of other projects has its verdict in `codecs/tar.toml` and `codecs/zstd.toml`: what it holds, or how it is
//! refused; and why, where the programs that others use say something else. A program of its own, for it looks at how much memory it
//! had at most.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ocix_core::error::{Code, Error, Result};
use ocix_core::layer::decode::Decoder;
use ocix_core::layer::entries::Entries;
use ocix_core::layer::{Archive, Contents};
use ocix_core::media::Input;
use ocix_tests::scratch::repository;
use ocix_tests::{Noise, Scratch, need, program, sha256, wait};
use serde_json::Value;
use toml::Table;

#[test]
fn every_archive_has_its_verdict() {
    let Some(corpus) = corpus("tar") else { return };
    let oracles: Value = serde_json::from_slice(&fs::read(corpus.join("oracles.json")).unwrap()).unwrap();
    let rows = table("tar.toml");
    let mut files = names(&corpus);
    files.retain(|name| name != "oracles.json");
    assert_eq!(rows.keys().collect::<Vec<_>>(), files.iter().collect::<Vec<_>>(), "rows and files");
    let mut wrong = Vec::new();
    for (name, row) in &rows {
        let bytes = fs::read(corpus.join(name)).unwrap();
        let found = archive(&bytes, 1 << 20);
        assert_eq!(archive(&bytes, 1000), found, "{name}");
        let row = row.as_table().unwrap();
        if !is(row, &found) {
            wrong.push(shown(name, &found));
        }
        let entries = found.ok().map(|(entries, _)| entries);
        // A reason stands where others say something else, and only there.
        let theirs = theirs(&oracles[name]);
        if theirs.iter().any(|theirs| *theirs != entries) != row.contains_key("why") {
            wrong.push(format!("[\"{name}\"] others: {theirs:?}, ours: {entries:?}, why: {:?}\n", row.get("why")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    little_memory();
}

/// The same through the sandbox, which says what is wrong in one line and leaves nothing.
#[test]
fn the_command_line_has_the_same_verdicts() {
    let Some(corpus) = corpus("tar") else { return };
    for (name, row) in &table("tar.toml") {
        let scratch = Scratch::new();
        let run = scratch.export(format!("tar:{}", corpus.join(name).display()), "type=cacheonly", &[]);
        match row.get("says") {
            None => assert!(run.code == Some(0), "{name}\n{}", run.told()),
            Some(says) => drop(run.failed(1, &[says.as_str().unwrap()])),
        }
    }
}

#[test]
fn every_frame_has_its_verdict() {
    let Some(corpus) = corpus("zstd") else { return };
    let rows = table("zstd.toml");
    let files = ["bad", "good"].map(|folder| {
        let mut names = names(&corpus.join(folder));
        names.retain(|name| !name.ends_with(".sha256"));
        names.into_iter().map(move |name| format!("{folder}/{name}"))
    });
    assert_eq!(rows.keys().cloned().collect::<Vec<_>>(), files.into_iter().flatten().collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (name, row) in &rows {
        let path = corpus.join(name);
        let bytes = fs::read(&path).unwrap();
        let found = decoded(&bytes, 1 << 20);
        assert_eq!(decoded(&bytes, 7), found, "{name}");
        assert_eq!(ruzstd(&bytes), found.clone().ok(), "{name}");
        // Its name says what its makers think of it.
        assert_eq!(found.is_ok(), name.starts_with("good/"), "{name}");
        if let Ok(line) = fs::read_to_string(format!("{}.sha256", path.display())) {
            let content = found.as_ref().unwrap();
            assert_eq!(format!("sha256:{}", line.trim()), format!("{} {}", sha256(content), content.len()), "{name}");
        }
        let found = found.map(|content| (content.len() as u64, sha256(&content)));
        if !is(row.as_table().unwrap(), &found) {
            wrong.push(shown(name, &found));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    little_memory();
}

/// zstd's own tool reads what we read.
#[test]
fn zstd_agrees_on_what_is_read() {
    need!("zstd");
    let Some(corpus) = corpus("zstd") else { return };
    for (name, row) in table("zstd.toml").iter().filter(|(name, _)| name.starts_with("good/")) {
        let output = program("zstd").arg("-qdc").arg(corpus.join(name)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(row["sha256"].as_str(), Some(&*sha256(&output.stdout)), "{name}");
    }
}

/// A window takes memory, 128 MiB at most, where the header asks for it and content fills it; more is refused before it takes any.
#[test]
fn wide_windows() {
    need!("zstd");
    let scratch = Scratch::new();
    let noise = Noise::new(1).bytes(70 << 20);
    let size = 2 * noise.len();
    let mut header = [0; 512];
    header[0] = b'f';
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let parts: [&[u8]; 4] = [&header, &noise, &noise, &[0; 1024]];
    for (long, window) in [(27, Some("128 MiB")), (28, None)] {
        let name = format!("{long}.tar.zst");
        let mut zstd = program("zstd");
        zstd.args(["-q", "-1", &format!("--long={long}"), "-o"]).arg(scratch.path(&name)).stdin(Stdio::piped());
        let mut zstd = zstd.spawn().unwrap();
        let mut input = zstd.stdin.take().unwrap();
        parts.iter().for_each(|part| input.write_all(part).unwrap());
        drop(input);
        assert!(zstd.wait().unwrap().success());
        let run = scratch.export(format!("tar:{}", scratch.path(&name).display()), "type=cacheonly", &[]);
        match window {
            Some(window) => assert!(run.stderr.contains(window) && run.code == Some(0), "{}", run.told()),
            None => drop(run.failed(1, &["window", "128 MiB"])),
        }
    }
    drop(noise);
    let file = fs::read(scratch.path("27.tar.zst")).unwrap();
    assert!(file.len() < 80 << 20, "the second half is the first again");
    let mut made = 0;
    decode(&file, 1 << 20, |piece| made += piece.len()).unwrap();
    assert_eq!(made, size + 1536);
    little_memory();
}

/// How many entries, and the digest of all that they say and hold; contents of more than 16 MiB, which are holes, are left out.
fn archive(bytes: &[u8], piece: usize) -> Result<(u64, String)> {
    wait(async {
        let mut tar = Archive::open(Pieces(bytes, piece)).await?;
        let mut checked = Vec::new();
        while let Some(piece) = tar.next().await? {
            checked.extend(piece);
        }
        let mut entries = Entries::new(Given(Some(checked)));
        let (mut count, mut all) = (0, Vec::new());
        while let Some(header) = entries.next().await? {
            count += u64::from(header.flag != b'g');
            all.extend([&[header.flag][..], b" ", &header.name, b" ", &header.link, b" "].concat());
            all.extend(format!("{} {:o}\n", header.size, header.mode).into_bytes());
            while let Some(piece) = if header.size > 16 << 20 { None } else { entries.content().await? } {
                all.extend(piece);
            }
        }
        Ok((count, sha256(&all)))
    })
}

fn decoded(bytes: &[u8], piece: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    decode(bytes, piece, |piece| out.extend(piece))?;
    Ok(out)
}

fn decode(bytes: &[u8], piece: usize, mut out: impl FnMut(&[u8])) -> Result<()> {
    let mut decoder = Decoder::of(bytes).unwrap();
    for mut piece in bytes.chunks(piece) {
        loop {
            let (taken, made) = decoder.push(piece)?;
            piece = &piece[taken..];
            out(&made);
            if taken == 0 && made.is_empty() {
                break;
            }
        }
    }
    decoder.finish()
}

/// The same by another decoder, checksums checked; `None` when it refuses.
fn ruzstd(mut frames: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = ruzstd::decoding::FrameDecoder::new();
    let mut out = Vec::new();
    while !frames.is_empty() {
        decoder.reset(&mut frames).ok()?;
        decoder.decode_blocks(&mut frames, ruzstd::decoding::BlockDecodingStrategy::All).ok()?;
        out.extend(decoder.collect()?);
        let said = decoder.get_checksum_from_data();
        if said.is_some() && said != decoder.get_calculated_checksum() {
            return None;
        }
    }
    Some(out)
}

/// How many entries GNU tar, bsdtar and Python list; `None` for a refusal.
fn theirs(oracles: &Value) -> [Option<u64>; 3] {
    let lists = |program: &str| oracles[program]["entries"].as_u64().filter(|_| oracles[program]["exit"] == 0);
    [lists("gnu-tar"), lists("bsdtar"), oracles["python"]["entries"].as_array().map(|entries| entries.len() as u64)]
}

fn table(name: &str) -> Table {
    fs::read_to_string(repository().join("tests/codecs").join(name)).unwrap().parse().unwrap()
}

/// Whether a row says what was found.
fn is(row: &Table, found: &Result<(u64, String)>) -> bool {
    let text = |key: &str| row.get(key).and_then(|value| value.as_str());
    match found {
        Ok((count, sum)) => {
            let said = row.get("entries").or_else(|| row.get("size")).and_then(|value| value.as_integer());
            said == Some(*count as i64) && text("sha256") == Some(sum)
        }
        Err(error) => {
            text("refused") == Some(&code(error)) && text("says").is_some_and(|says| error.message.contains(says))
        }
    }
}

fn shown(name: &str, found: &Result<(u64, String)>) -> String {
    match found {
        Ok((count, sum)) => format!("[\"{name}\"]\nentries = {count}\nsha256 = \"{sum}\"\n\n"),
        Err(error) => format!("[\"{name}\"]\nrefused = \"{}\"\nsays = \"{}\"\n\n", code(error), error.message),
    }
}

fn code(error: &Error) -> String {
    match &error.code {
        Code::Malformed(what) => format!("malformed: {what}"),
        Code::LimitExceeded(what) => format!("limit-exceeded: {what}"),
        Code::Unsupported(what) => format!("unsupported: {what}"),
        other => panic!("{other:?}"),
    }
}

/// Neither bombs nor damage take more than 256 MiB, all tests of this file together.
fn little_memory() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kibibytes <= 256 << 10, "{kibibytes} KiB");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder of other projects' files, if they are here.
fn corpus(name: &str) -> Option<PathBuf> {
    let folder = repository().join("../shared/corpora").join(name);
    (folder.is_dir() || need::missing(&format!("{} is not here", folder.display()))).then_some(folder)
}

/// An input that answers in pieces of this size.
struct Pieces<'a>(&'a [u8], usize);

impl Input for Pieces<'_> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let (now, rest) = self.0.split_at(self.1.min(max as usize).min(self.0.len()));
        self.0 = rest;
        Ok(now.to_vec())
    }
}

/// Contents in one piece.
struct Given(Option<Vec<u8>>);

impl Contents for Given {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(self.0.take().filter(|bytes| !bytes.is_empty()))
    }
}
