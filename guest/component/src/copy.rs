//! Copies, and indexes of images: the core's `copy` behind the exports of those names.

use ocix_core::copy::{self, Delivery, Destination, NewIndex, Place};

use crate::bindings::exports::ocix::image::exporter;
use crate::bindings::ocix::image::{directories, types};
use crate::media::{Directory, Seam};
use crate::{content, errors, policy, target};

/// `exporter.copy`.
pub async fn copy(
    content: exporter::Content,
    delivery: exporter::Delivery,
    store: directories::Directory,
) -> Result<Vec<exporter::Target>, types::Error> {
    let targets = copy::copy(&Seam, self::content(content), self::delivery(delivery), Directory(store)).await;
    Ok(targets.map_err(errors::outward)?.into_iter().map(target).collect())
}

/// `exporter.create-index`.
pub async fn create_index(
    index: exporter::NewIndex,
    delivery: exporter::Delivery,
    store: directories::Directory,
) -> Result<exporter::Created, types::Error> {
    let exporter::NewIndex { parts, annotations } = index;
    let new = NewIndex { parts: parts.into_iter().map(content).collect(), annotations };
    let created = copy::create_index(&Seam, new, self::delivery(delivery), Directory(store)).await;
    let copy::Created { index, targets } = created.map_err(errors::outward)?;
    Ok(exporter::Created { index, targets: targets.into_iter().map(target).collect() })
}

fn delivery(exporter::Delivery { destinations, transfer, insecure }: exporter::Delivery) -> Delivery {
    let place = |exporter::Place { dest, name }| Place { dest, name };
    let destination = |destination| match destination {
        exporter::Destination::Archive(archive) => Destination::Archive(place(archive)),
        exporter::Destination::Layout(layout) => Destination::Layout(place(layout)),
        exporter::Destination::Registry(name) => Destination::Registry(name),
        exporter::Destination::Stored(name) => Destination::Stored(name),
    };
    Delivery {
        destinations: destinations.into_iter().map(destination).collect(),
        fail_fast: transfer.fail_fast,
        policy: policy(transfer),
        insecure,
    }
}
