"""Everything that can go wrong, as one small tree.

::

    ModelExperimentError
      SpecError          the user must change the spec; shown as Ready=False, not retried until it changes
      StatusError        the status is not one that this version of the operator wrote; shown in the same way
      ClusterError       the API server refused a request or could not be reached; retried at the next tick
        ConflictError    a guarded write found another state than it was planned for; read again and plan again
        UnavailableError the API server is away or too busy; the same request may go through later
      SettingsError      the operator cannot start as it is configured

A missing route, a missing backend and an unreachable Prometheus are no errors: they are findings, because a rule can
say what they mean.
"""


class ModelExperimentError(Exception):
    """The base of all errors that this package raises on purpose."""


class SpecError(ModelExperimentError):
    """A spec that cannot be run as written; the text has one sentence a fault."""


class StatusError(ModelExperimentError):
    """A status that this version of the operator cannot read."""


class ClusterError(ModelExperimentError):
    """The API server refused a request or could not be reached within the deadline."""


class ConflictError(ClusterError):
    """A guard of a write did not hold: somebody else wrote in between."""


class UnavailableError(ClusterError):
    """The API server did not answer in time, or said that it is too busy or not ready."""


class SettingsError(ModelExperimentError):
    """The operator's own settings are wrong; the text names each."""
