//! What was made before is not made again: the store remembers which blob came of which bytes, and nothing but time depends on it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ocix_tests::{Layout, Run, Scratch};

const CODECS: [&str; 3] = ["gzip", "zstd", "estargz"];

fn export(scratch: &Scratch, source: &str, codec: &str) -> String {
    let output = format!("type=image,name=a:1,compression={codec}");
    Run::of(&mut scratch.exporting(source, &output, &["--source-date-epoch=1700000000"])).ok().digest()
}

/// Files of some megabytes, so that every codec cuts them into several chunks.
fn tree(scratch: &Scratch) {
    let mut state = 1_u32;
    for name in ["tree/a", "tree/b", "tree/z/last"] {
        let content: Vec<u8> = (0..7 << 20)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                b'a' + (state >> 28) as u8
            })
            .collect();
        scratch.write(name, content);
    }
}

/// The layer's file: which one it is, whoever has replaced it.
fn layer(scratch: &Scratch) -> (String, u64) {
    let store = scratch.store();
    let manifest = store.manifest("docker.io/library/a:1");
    let digest = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
    let inode = fs::metadata(store.blob_path(&digest)).unwrap().ino();
    (digest, inode)
}

#[test]
fn a_directory_is_recognised_as_far_as_it_is_the_same() {
    for codec in CODECS {
        let scratch = Scratch::new();
        tree(&scratch);
        let digest = export(&scratch, "tree", codec);
        let first = layer(&scratch);
        assert_eq!(export(&scratch, "tree", codec), digest);
        assert_eq!(layer(&scratch), first, "{codec}");

        // The last file has grown: as a store that knows nothing makes it.
        let last = [fs::read(scratch.path("tree/z/last")).unwrap(), b"more".to_vec()].concat();
        scratch.write("tree/z/last", last);
        let changed = export(&scratch, "tree", codec);
        assert_ne!(changed, digest);
        fs::rename(scratch.path("store"), scratch.path("old")).unwrap();
        assert_eq!(export(&scratch, "tree", codec), changed, "{codec}");

        // Of a damaged blob nothing is taken.
        fs::remove_dir_all(scratch.path("store")).unwrap();
        fs::rename(scratch.path("old"), scratch.path("store")).unwrap();
        let store = scratch.store();
        for digest in store.blobs() {
            let path = store.blob_path(&digest);
            let mut blob = fs::read(&path).unwrap();
            if blob.len() > 1 << 20 {
                blob[5000] ^= 1;
                fs::remove_file(&path).unwrap();
                fs::write(&path, blob).unwrap();
            }
        }
        scratch.write("tree/z/last", "other");
        let output = format!("type=image,name=b:1,compression={codec}");
        let failed = Run::of(&mut scratch.exporting("tree", &output, &["--source-date-epoch=1700000000"]));
        failed.failed(1, &["is damaged"]);
    }
}

#[test]
fn an_image_whose_layers_are_known_is_not_read() {
    let scratch = Scratch::new();
    tree(&scratch);
    Run::of(&mut scratch.exporting("tree", "type=oci,tar=false,dest=plain,compression=uncompressed", &[])).ok();
    let image = Layout::at(scratch.path("plain"));
    let layers = || -> Vec<_> {
        let large = |path: &Path| fs::metadata(path).unwrap().len() > 1 << 20;
        image.blobs().into_iter().map(|digest| image.blob_path(&digest)).filter(|path| large(path)).collect()
    };
    for codec in CODECS {
        for rewrite in ["", ",rewrite-timestamp=true"] {
            let codec = format!("{codec}{rewrite}");
            let digest = export(&scratch, "oci:plain", &codec);
            // Who reads it now finds it damaged.
            let layer = layers().pop().unwrap();
            let good = fs::read(&layer).unwrap();
            fs::write(&layer, vec![0; good.len()]).unwrap();
            assert_eq!(export(&scratch, "oci:plain", &codec), digest, "{codec}");
            fs::write(&layer, good).unwrap();
        }
    }
}
