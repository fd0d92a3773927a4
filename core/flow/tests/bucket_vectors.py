"""Writes bucket_vectors.tsv, the frozen vectors of `bucket`, from Python's own SHA-256.

    python3 core/flow/tests/bucket_vectors.py > core/flow/tests/bucket_vectors.tsv
"""

import hashlib

BUCKETS = 10_000


def bucket(namespace: str, unit: str) -> int:
    digest = hashlib.sha256(namespace.encode() + b"\0" + unit.encode()).digest()
    return int.from_bytes(digest[:6], "big") * BUCKETS >> 48


def main() -> None:
    print("# namespace, unit, bucket; tabs between them. Frozen: units must never move.")
    namespaces = ["risk-v2", "a", "", "größe", "namespace with spaces"]
    units = ["", "0", "1", "installation-1", "ünït", "🦊", "a" * 200]
    units += [f"{n:032x}" for n in range(5)]
    for namespace in namespaces:
        for unit in units:
            print(namespace, unit, bucket(namespace, unit), sep="\t")


if __name__ == "__main__":
    main()
