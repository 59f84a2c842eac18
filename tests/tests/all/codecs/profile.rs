//! The codec profile (wit/README.md): every codec and level gives the bytes of `codecs/profile-1.toml`, on every host and with any number
//! of workers, and other people's decoders read them.
//!
//! `OCIX_RENEW_PROFILE=1 cargo xtask test the_bytes_of_the_profile` writes the table anew; what that changes needs a new number.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;

use ocix_core::layer::Codec;
use ocix_core::media_type::Packing;
use ocix_tests::layout::text;
use ocix_tests::{Containerd, Run, Scratch, by_turns, need, need_root, program, sha256};

use super::gunzip::members;
use super::sample::{codecs, file, packed, tar};

#[test]
fn the_bytes_of_the_profile() {
    let tar = tar();
    assert!(tar.len() > 16 << 20, "more than one chunk of every codec");
    let found = Mutex::new(BTreeMap::new());
    // The slow ones are the last.
    by_turns(codecs().into_iter().rev(), |codec| {
        let (layer, blob) = packed(&tar, codec, 7);
        decoded(codec, &blob, &tar);
        assert_eq!(layer.descriptor.digest.as_str(), sha256(&blob));
        // The slow levels once: a chunk is the same work for every number of workers.
        let slow = matches!(codec, Codec::Zstd { level: 13.. });
        for workers in if slow { &[][..] } else { &[1, 2] } {
            assert!(packed(&tar, codec, *workers).1 == blob, "{codec}, {workers} workers");
        }
        found.lock().unwrap().insert(codec.to_string(), sha256(&blob));
    });
    let found = found.into_inner().unwrap();
    if std::env::var_os("OCIX_RENEW_PROFILE").is_some() {
        let line = |codec: &Codec| format!("\"{codec}\" = \"{}\"\n", found[&codec.to_string()]);
        let lines: String = codecs().iter().map(line).collect();
        fs::write(file("profile-1.toml"), format!("{HEAD}{lines}")).unwrap();
    }
    let table = table();
    let differ: Vec<_> =
        codecs().iter().map(Codec::to_string).filter(|name| table.get(name) != found.get(name)).collect();
    assert!(differ.is_empty() && table.len() == found.len(), "other bytes than before: {differ:?}");
}

/// In the sandbox, several outputs of one source at the same time.
#[test]
fn the_command_line_makes_the_same() {
    let scratch = Scratch::new();
    let exported = export(&scratch, &codecs(), &["--workers=3"]);
    let some = [Codec::Gzip { level: 4 }, Codec::Zstd { level: 3 }, Codec::Estargz { level: 4 }];
    let one = Scratch::new();
    let exported = exported.into_iter().chain(export(&one, &some, &["--workers=1"]));
    let table = table();
    let differ: Vec<_> = exported.filter(|(codec, layer)| table[&codec.to_string()] != *layer).collect();
    assert!(differ.is_empty(), "{differ:?}");
}

/// containerd decompresses with Go's and klauspost's decoders, checks diff IDs, and unpacks.
#[test]
fn containerd_unpacks_every_codec() {
    need_root!();
    need!("containerd", "ctr");
    let scratch = Scratch::new();
    let some = [
        Codec::Uncompressed,
        Codec::Gzip { level: 0 },
        Codec::Gzip { level: 4 },
        Codec::Gzip { level: 9 },
        Codec::Zstd { level: 1 },
        Codec::Zstd { level: 3 },
        Codec::Zstd { level: 12 },
        Codec::Estargz { level: 4 },
    ];
    export(&scratch, &some, &[]);
    // The store is a layout.
    let archive = scratch.path("images.tar");
    Run::of(program("tar").arg("-cf").arg(&archive).arg("-C").arg(scratch.store().root()).arg(".")).ok();
    let containerd = Containerd::start(&scratch);
    containerd.ctr(&["images", "import", "--snapshotter=native", &archive.display().to_string()]).ok();
    for codec in some {
        let check = containerd.ctr(&["images", "check", "--snapshotter=native", &format!("name=={}", name(codec))]);
        let check = check.ok().stdout;
        assert!(check.lines().any(|line| line.contains("complete") && line.ends_with("true")), "{codec}: {check}");
    }
}

/// By other decoders, crates and programs: the tar; for eStargz with a table of contents behind it.
fn decoded(codec: Codec, blob: &[u8], tar: &[u8]) {
    let (content, test) = match codec.packing() {
        Packing::Plain => (blob.to_vec(), None),
        Packing::Gzip => (members(blob).into_iter().flat_map(|(_, _, content)| content).collect(), Some("gzip")),
        Packing::Zstd => (unzstd(blob), Some("zstd")),
    };
    let whole = if let Codec::Estargz { .. } = codec { content.starts_with(tar) } else { content == tar };
    assert!(whole, "{codec}");
    if let Some(test) = test.filter(|test| need::counterpart(test)) {
        Run::fed(program(test).args(["-t", "-q"]), blob).ok();
    }
}

fn unzstd(mut frames: &[u8]) -> Vec<u8> {
    let mut decoder = ruzstd::decoding::FrameDecoder::new();
    let mut out = Vec::new();
    while !frames.is_empty() {
        decoder.reset(&mut frames).unwrap();
        decoder.decode_blocks(&mut frames, ruzstd::decoding::BlockDecodingStrategy::All).unwrap();
        out.extend(decoder.collect().unwrap());
        assert_eq!(decoder.get_checksum_from_data(), decoder.get_calculated_checksum());
    }
    out
}

/// Exports the sample by each codec in one run; gives the digests of the layers.
fn export(scratch: &Scratch, codecs: &[Codec], args: &[&str]) -> Vec<(Codec, String)> {
    scratch.write("sample.tar", tar());
    let mut ocix = scratch.ocix();
    ocix.args(["export", "tar:sample.tar", "--progress=none", "--source-date-epoch=1700000000"]).args(args);
    for codec in codecs {
        let (compression, level) = match codec {
            Codec::Uncompressed => ("uncompressed", None),
            Codec::Gzip { level } => ("gzip", Some(level)),
            Codec::Zstd { level } => ("zstd", Some(level)),
            Codec::Estargz { level } => ("estargz", Some(level)),
        };
        let level = level.map(|level| format!(",compression-level={level}")).unwrap_or_default();
        ocix.arg("--output").arg(format!("type=image,name={},compression={compression}{level}", name(*codec)));
    }
    Run::of(&mut ocix).ok();
    let layer = |codec: &Codec| text(&scratch.store().manifest(&name(*codec))["layers"][0]["digest"]).to_owned();
    codecs.iter().map(|codec| (*codec, layer(codec))).collect()
}

fn name(codec: Codec) -> String {
    format!("example.com/sample:{}", codec.to_string().replace(' ', "-"))
}

fn table() -> BTreeMap<String, String> {
    toml::from_str(&fs::read_to_string(file("profile-1.toml")).unwrap()).unwrap()
}

const HEAD: &str = "# What becomes of the layer of profile-1.txt: the digest of its blob, by codec and level (wit/README.md, \"The codec profile\").
# Written by `OCIX_RENEW_PROFILE=1 cargo xtask test the_bytes_of_the_profile`; after a release a change is another profile.
";
