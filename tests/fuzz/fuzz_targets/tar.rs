//! A tar, entry by entry. The size of the pieces changes nothing; what the framing lets through, the reader of entries reads.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use ocix_core::error::{Code, Result};
use ocix_core::inspect::{path_bytes, path_text};
use ocix_core::layer::entries::{Entries, Header};
use ocix_core::layer::{Archive, Contents};
use ocix_fuzz::{Pieces, all, mutate_tar, wait};

fuzz_target!(|data: &[u8]| {
    let whole = read(Pieces::whole(data));
    assert_eq!(read(Pieces::split(data)), whole);
    let archive = |pieces| wait(Archive::open(pieces)).expect("reading a start cannot fail");
    let framed = all(&mut archive(Pieces::whole(data)), MOST);
    assert_eq!(all(&mut archive(Pieces::split(data)), MOST), framed);
    if let Ok(Some(framed)) = framed {
        match read(Pieces::whole(&framed)) {
            Ok(entries) => {
                assert_eq!(read(archive(Pieces::split(data))), Ok(entries.clone()));
                entries.iter().for_each(|(header, _)| check(header));
            }
            // What is in extended headers and sparse maps is the reader's to refuse.
            Err(error) => assert!(matches!(error.code, Code::Malformed(_) | Code::LimitExceeded(_)), "{error}"),
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_tar(data, size, max_size, seed) });

/// All entries, with what their contents begin with: a sparse file may have any size.
fn read(contents: impl Contents) -> Result<Vec<(Header, Vec<u8>)>> {
    let mut entries = Entries::new(contents);
    let mut read = Vec::new();
    while let Some(header) = wait(entries.next())? {
        let mut content = Vec::new();
        while content.len() < START
            && let Some(piece) = wait(entries.content())?
        {
            assert!(!piece.is_empty(), "an empty piece of a content");
            content.extend(piece);
        }
        assert!(content.len() as u64 <= header.size, "more content than the header says");
        content.truncate(START);
        read.push((header, content));
    }
    assert_eq!(wait(entries.next()), Ok(None), "the end is the end");
    Ok(read)
}

fn check(header: &Header) {
    for path in [&header.name, &header.link] {
        assert_eq!(path_bytes(&path_text(path)), *path);
    }
    if let Ok(entry) = header.entry() {
        assert!(!entry.path.split(|byte| *byte == b'/').any(|part| part == b".."), "{:?} leads out", header.name);
    }
}

const MOST: usize = 4 << 20;
const START: usize = 1 << 16;
