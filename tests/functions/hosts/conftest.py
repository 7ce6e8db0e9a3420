"""Stands-in for AWS that take no call which AWS's own model of the API does not know."""

from typing import Any

import boto3
from botocore.validate import ParamValidator


class Modelled:
    """Hands each call on to a stand-in, once name and parameters are found in botocore's model of the service."""

    def __init__(self, service: str, standin: object) -> None:
        self._standin = standin
        client = boto3.client(service, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
        self._model, self._operations = client.meta.service_model, client.meta.method_to_api_mapping

    def __getattr__(self, method: str) -> Any:
        shape = self._model.operation_model(self._operations[method]).input_shape

        def call(**parameters: Any) -> Any:
            report = ParamValidator().validate(parameters, shape)
            assert not report.has_errors(), report.generate_report()
            return getattr(self._standin, method)(**parameters)

        return call
