//! The same bytes, whether a layer was made before, in part, or never.

use super::*;
use crate::error::Result;
use crate::layer::pump::Memory;
use crate::layer::trial::{Given, entry, text, wait};
use crate::layer::write::write;
use crate::layer::{Layer, tar};
use crate::media::{self, Kind, Writer as _};
use crate::memory;

/// A store that remembers.
struct Store(Layout<memory::Directory>);

impl Store {
    fn new() -> Self {
        Self(Layout::store(memory::Directory::default()))
    }

    /// Makes and keeps a layer: what it is, its blob, and whether it was known.
    fn make(&self, tar: &[u8], codec: Codec) -> Result<(Layer, Vec<u8>, bool)> {
        let media = memory::Memory { parallelism: 3, ..Default::default() };
        let mut writer = wait(self.0.create())?;
        let memo = Memo::new(&self.0, codec);
        let mut contents = Given(tar, 77_777, None);
        let (layer, memory) = wait(write(&media, &mut contents, codec, "t", &mut writer, Some(memo.clone())))?;
        let known = matches!(memory, Memory::Known(_));
        if let Memory::New(pieces) = memory {
            wait(self.0.publish(writer, &layer.descriptor))?;
            let key = memo.key(&pieces[0].tar);
            wait(self.0.remember(&key, &Known { layer: layer.clone(), pieces }))?;
        }
        let blob = self.blob(&layer);
        Ok((layer, blob, known))
    }

    fn blob(&self, layer: &Layer) -> Vec<u8> {
        let blob = wait(self.0.blob(&layer.descriptor)).unwrap();
        wait(media::File::read_at(&blob, 0, u32::MAX)).unwrap()
    }
}

/// Files of these sizes, and the end of a tar.
fn files(sizes: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, size) in sizes.iter().enumerate() {
        tar::append(&mut bytes, &entry(&format!("f{number}"), Kind::Regular(*size as u64)), false).unwrap();
        bytes.extend(text(*size));
        tar::pad(&mut bytes, *size as u64);
    }
    bytes.extend(tar::END);
    bytes
}

const CODECS: [Codec; 3] = [Codec::Gzip { level: 1 }, Codec::Zstd { level: 1 }, Codec::Estargz { level: 1 }];

#[test]
fn what_is_known_is_not_made_again() {
    let tar = files(&[3 << 20, 9 << 20, 17]);
    for codec in CODECS {
        let store = Store::new();
        let first = store.make(&tar, codec).unwrap();
        assert!(!first.2);
        let again = store.make(&tar, codec).unwrap();
        assert!(again.2 && again.0 == first.0, "{codec}");
        // Another codec, another layer.
        assert!(!store.make(&tar, Codec::Gzip { level: 2 }).unwrap().2);
    }
}

#[test]
fn a_tar_that_starts_alike_has_the_bytes_that_it_always_has() {
    let sizes = [2 << 20, 7 << 20, 4 << 20, 3 << 20, 1 << 20];
    let others: [&[usize]; 5] =
        [&sizes[..4], &sizes[..1], &[2 << 20, 7 << 20, 5], &[sizes, [9; 5]].concat(), &[2 << 20, 8 << 20, 4 << 20]];
    for codec in CODECS {
        for other in others {
            let store = Store::new();
            store.make(&files(&sizes), codec).unwrap();
            let made = store.make(&files(other), codec).unwrap();
            let fresh = Store::new().make(&files(other), codec).unwrap();
            assert!(made == fresh, "{codec} {other:?}");
            // What is remembered of it is as good as new.
            assert!(store.make(&files(other), codec).unwrap().2);
        }
    }
}

#[test]
fn a_damaged_blob_is_not_copied_from() {
    for codec in CODECS {
        let store = Store::new();
        let (layer, mut blob, _) = store.make(&files(&[9 << 20, 9 << 20, 1]), codec).unwrap();
        blob[100_000] ^= 1;
        let mut writer = wait(store.0.create()).unwrap();
        wait(writer.write(blob)).unwrap();
        wait(writer.publish(&layer.descriptor.digest.blob_path())).unwrap();
        let error = store.make(&files(&[9 << 20, 9 << 20, 2]), codec).unwrap_err();
        assert!(error.message.contains("is damaged"), "{codec} {error}");
    }
}
