//! Writes images that are broken, each in one way, into a folder: `broken FOLDER`. See [`ocix_tests::broken`].
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a script that cannot go on has failed")]

use std::fs;
use std::path::Path;

fn main() {
    let folder = std::env::args().nth(1).expect("broken FOLDER");
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).unwrap();
    let mut faults = String::new();
    for image in ocix_tests::broken::all() {
        image.write(folder);
        faults += &format!("{} {}\n", image.name, image.code.unwrap_or("good"));
    }
    fs::write(folder.join("faults.txt"), faults).unwrap();
}
