"""What has to be said beside every answer and every score: how well a network does with patients whom it never saw, from the stored
figures, and whom its training saw."""

from sw import files, report
from sw.data import beats, protocols
from sw.export import bundle, bundles

STORED = files.ROOT / "docs" / "report.json"
# Protocols under which no patient of the test was trained on.
BETWEEN = (beats.INTER_PATIENT, protocols.BETWEEN_PATIENTS)
NOT_A_DEVICE = "popbeat is no medical device"


def reached(model: str, bundle_sha256: str) -> str:
    """What a network reaches on patients whom it never saw, in one line; that nothing is known, where nothing was measured: of one
    that is not the shipped one of its model, too."""
    shipped = bundle.SHIPPED / model
    if not shipped.is_dir() or bundles.read(shipped).sha256 != bundle_sha256:
        return f"how well this network does with patients that it never saw was not measured; {NOT_A_DEVICE}"
    accuracy = report.load(STORED)["models"].get(model, {}).get("accuracy", {})
    for protocol in BETWEEN:
        if protocol in accuracy:
            return (
                f"trained without the patients that it is tested on, {model} reaches {_figures(accuracy[protocol])}; {NOT_A_DEVICE}"
            )
    return f"how well {model} does with patients that it never saw was not measured; {NOT_A_DEVICE}"


def _figures(found: dict) -> str:
    if "micro_f1" in found:
        guessed = found["guessing"]["class_majority"]["micro_f1"]
        return f"a micro-F1 of {found['micro_f1']:.3f} ({guessed:.3f} by guessing the most common labels)"
    return (
        f"{100 * found['accuracy']:.1f} % accuracy ({100 * found['class_majority']:.1f} % by always saying the most common class)"
    )


def between_patients(training: dict) -> bool:
    """Whether scores on DS2 are those of patients whom a bundle's ``training`` did not see."""
    return training.get("protocol") == beats.INTER_PATIENT


def caution(model: str, protocol: str | None, scored: bool = True) -> str:
    """What has to be said beside every score of a network on the database's records, or beside the labels of any record, from the
    protocol of its training."""
    if protocol == beats.INTER_PATIENT:
        said = f"{model} was trained on the patients of DS1 of MIT-BIH"
        return f"{said}: scores on records of DS2, and of DS2 alone, are between patients" if scored else said
    if protocol is None:
        return f"NOTHING IS KNOWN OF THE TRAINING OF {model}: it may have had these very beats"
    split = "a random split" if protocol == protocols.COMPARABLE else "a split"
    said = f"{model} was trained under {protocol!r}, {split} of the beats of all records of MIT-BIH"
    if scored:
        return f"NOT BETWEEN PATIENTS: {said}. It has seen these patients, and most of the very beats that are scored here"
    return f"{said}: it has seen the patients of that database, and nothing is known of how well it does on others"
