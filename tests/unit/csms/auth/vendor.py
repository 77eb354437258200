"""The vendor's SDK, imported so that it leaves nothing in the real home directory."""

import tempfile
from typing import Any

import pytest

with tempfile.TemporaryDirectory() as _home, pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("HOME", _home)
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.auth.endpoint import get_iam_endpoint_by_id as iam_endpoint_of
    from huaweicloudsdkcore.auth.endpoint import get_sts_endpoint_by_id as sts_endpoint_of
    from huaweicloudsdkcore.auth.provider import (
        EnvCredentialProvider,
        OidcStsCredentialProvider,
        PodIdentityCredentialProvider,
    )
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer as VendorSigner
    from huaweicloudsdkcsms.v1 import (
        CsmsClient,
        ListSecretsRequest,
        ListSecretVersionsRequest,
        ShowSecretRequest,
        UpdateSecretRequest,
        UpdateSecretRequestBody,
    )
    from huaweicloudsdkkms.v2 import (
        KmsClient,
        ListKeyDetailRequest,
        ListKeysRequest,
        ListKeysRequestBody,
        OperateKeyRequestBody,
    )

__all__ = [
    "BasicCredentials",
    "CsmsClient",
    "EnvCredentialProvider",
    "KmsClient",
    "ListKeyDetailRequest",
    "ListKeysRequest",
    "ListKeysRequestBody",
    "ListSecretVersionsRequest",
    "ListSecretsRequest",
    "OidcStsCredentialProvider",
    "OperateKeyRequestBody",
    "PodIdentityCredentialProvider",
    "SdkRequest",
    "ShowSecretRequest",
    "UpdateSecretRequest",
    "UpdateSecretRequestBody",
    "VendorSigner",
    "iam_endpoint_of",
    "sts_endpoint_of",
    "vendor_headers",
]


def vendor_headers(
    *,
    ak: str,
    sk: str,
    method: str,
    host: str,
    path: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
) -> dict[str, Any]:
    """The headers the vendor's signer makes of a request whose date is given."""
    request = SdkRequest(
        method=method,
        schema="https",
        host=host,
        resource_path=path,
        query_params=query,
        header_params=dict(headers),
        body=body,
    )
    signed: dict[str, Any] = VendorSigner(BasicCredentials(ak, sk, "p")).sign(request).header_params
    return signed
