namespace Cellcast.Survival;

/// <summary>Follow-up data or covariates from which the asked-for quantity cannot be computed. The message is one sentence that says
/// which value is at fault and what to do.</summary>
public sealed class SurvivalDataException : Exception
{
    /// <param name="message">What is wrong, where, and what to do.</param>
    public SurvivalDataException(string message) : base(message) { }
}
