namespace Cellcast.Analysis.Cohorts;

/// <summary>Reads the many spellings of "the patient died".</summary>
public static class EventStatus
{
    /// <summary>What is accepted, for messages.</summary>
    public const string Accepted = "Dead / Alive, Deceased / Living, 1 / 0, true / false, yes / no (any case, also as 1:DECEASED / 0:LIVING)";

    /// <summary>Label of an event in results.</summary>
    public const string Dead = "Dead";

    /// <summary>Label of a censored patient in results.</summary>
    public const string Alive = "Alive";

    /// <summary>True for an event, false for a censored patient, null for what is neither.</summary>
    public static bool? Parse(string? text)
    {
        string t = text?.Trim().ToLowerInvariant() ?? "";
        if (t.Length > 2 && t[1] == ':' && t[0] is '0' or '1') t = t[..1];
        return t switch
        {
            "dead" or "deceased" or "died" or "death" or "1" or "1.0" or "true" or "yes" or "event" => true,
            "alive" or "living" or "0" or "0.0" or "false" or "no" or "censored" => false,
            _ => null,
        };
    }

    /// <summary>Whether a text says that nothing is known, besides the usual missing values.</summary>
    internal static bool IsUnknown(string text) => text.Trim().ToLowerInvariant() is "unknown" or "not reported" or "not available" or "unspecified" or "not allowed to collect";
}
