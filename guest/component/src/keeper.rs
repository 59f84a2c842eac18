//! Keeping the store: the core's `store::keeper` behind the export of that name.

use ocix_core::inspect::json;
use ocix_core::store::keeper;

use crate::bindings::exports::ocix::image::keeper::{Extent, Guest};
use crate::bindings::ocix::image::{directories, types};
use crate::media::{Directory, Seam};
use crate::{Shell, errors};

impl Guest for Shell {
    async fn images(filter: String, store: directories::Directory) -> Result<String, types::Error> {
        let images = keeper::images(&Seam, &filter, Directory(store)).await;
        images.map(|images| json(&images)).map_err(errors::outward)
    }

    async fn tag(
        source: String,
        names: Vec<String>,
        store: directories::Directory,
    ) -> Result<types::Digest, types::Error> {
        let digest = keeper::tag(&Seam, &source, &names, Directory(store)).await;
        digest.map(|digest| digest.to_string()).map_err(errors::outward)
    }

    async fn untag(
        names: Vec<String>,
        store: directories::Directory,
    ) -> Result<Vec<Result<types::Digest, types::Error>>, types::Error> {
        let answers = keeper::untag(&Seam, &names, Directory(store)).await.map_err(errors::outward)?;
        let outward = |answer: ocix_core::error::Result<ocix_core::digest::Digest>| {
            answer.map(|digest| digest.to_string()).map_err(errors::outward)
        };
        Ok(answers.into_iter().map(outward).collect())
    }

    async fn collect(extent: Extent, store: directories::Directory) -> Result<String, types::Error> {
        let Extent { untagged, dry_run } = extent;
        let collection = keeper::collect(&Seam, untagged, dry_run, Directory(store)).await;
        collection.map(|collection| json(&collection)).map_err(errors::outward)
    }

    async fn check(repair: bool, store: directories::Directory) -> Result<String, types::Error> {
        let report = keeper::check(&Seam, repair, Directory(store)).await;
        report.map(|report| json(&report)).map_err(errors::outward)
    }
}
