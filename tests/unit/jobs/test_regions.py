"""From a region's name to the host that serves it."""

import pytest

from jobs.regions import endpoint_for, known_regions


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("cn-north-4", "https://kms.cn-north-4.myhuaweicloud.com"),
        ("cn-southwest-2", "https://kms.cn-southwest-2.myhuaweicloud.com"),
        ("ap-southeast-3", "https://kms.ap-southeast-3.myhuaweicloud.com"),
        ("my-kualalumpur-1", "https://kms.my-kualalumpur-1.myhuaweicloud.com"),
        ("eu-west-101", "https://kms.eu-west-101.myhuaweicloud.eu"),
    ],
)
def test_a_known_region_has_an_endpoint(region: str, endpoint: str) -> None:
    """Host and domain are those of the vendor's table."""
    assert endpoint_for(region) == endpoint


def test_the_table_has_the_vendors_thirty_regions_and_the_european_one() -> None:
    """A region lost from the table would stop its users."""
    regions = known_regions()
    assert len(regions) == 31
    assert list(regions) == sorted(set(regions))
    assert {"cn-north-12", "la-south-2", "tr-west-1", "ae-ad-1", "ru-moscow-1", "af-north-1"} <= set(regions)


@pytest.mark.parametrize(
    ("region", "close"),
    [
        ("cn-north4", "cn-north-4"),
        ("CN-NORTH-4", "cn-north-4"),
        (" cn-north-4", "cn-north-4"),
        ("my-kualalumper-1", "my-kualalumpur-1"),
    ],
)
def test_an_unknown_region_is_refused_with_what_may_be_meant(region: str, close: str) -> None:
    """Close names help with a slip of the pen, and --endpoint with a new region."""
    with pytest.raises(ValueError, match="unknown region") as caught:
        endpoint_for(region)
    assert close in str(caught.value)
    assert "--endpoint" in str(caught.value)


@pytest.mark.parametrize("region", ["", "evil.example/", "cn-north-4.evil.example", "x" * 100_000, "a\nb", "\ud800"])
def test_nothing_but_a_known_region_gets_a_host(region: str) -> None:
    """A region is looked up whole, never pasted into a host name; the refusal is one short plain line."""
    with pytest.raises(ValueError, match="unknown region") as caught:
        endpoint_for(region)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
