using Cellcast.AnnData;

namespace Cellcast.Analysis.Cohorts;

/// <summary>Survival of one row of a clinical table; null where not stated.</summary>
internal readonly record struct Survival(double? Time, bool? Event);

/// <summary>Where a clinical table has its survival, and how it is read.</summary>
internal sealed class SurvivalColumns
{
    private static readonly string[] s_times = ["survival_time", "OS.time", "OS_time", "OS_TIME", "OS_DAYS", "OS_MONTHS", "os_time", "os_days", "os_months", "overall_survival", "time", "futime"];
    private static readonly string[] s_events = ["vital_status", "OS", "OS_STATUS", "OS_event", "os_event", "os_status", "os", "event", "status", "death", "dead", "fustat"];
    private static readonly string[] s_vital = ["vital_status", "demographic.vital_status"];
    private static readonly string[] s_death = ["days_to_death", "demographic.days_to_death"];
    private static readonly string[] s_lastFollowUp =
        ["days_to_last_follow_up", "diagnoses.days_to_last_follow_up", "days_to_last_followup", "demographic.days_to_last_follow_up", FollowUpColumn];

    /// <summary>Column that GDC's table of follow-ups is gathered into.</summary>
    internal const string FollowUpColumn = "follow_ups.days_to_follow_up";

    private readonly Func<ClinicalRecords, int, Survival> _read;

    private SurvivalColumns(string words, string[] columns, Func<ClinicalRecords, int, Survival> read) => (Words, Columns, _read) = (words, columns, read);

    /// <summary>For the report.</summary>
    internal string Words { get; }

    /// <summary>The columns that survival is from.</summary>
    internal string[] Columns { get; }

    internal Survival Of(ClinicalRecords records, int row) => _read(records, row);

    /// <summary>Finds the columns: the stated ones, else GDC's days to death or to last follow-up, else the usual names.</summary>
    /// <exception cref="InputException">A stated column is absent, or none of the usual names is there; the message lists the columns.</exception>
    internal static SurvivalColumns Find(string path, IReadOnlyCollection<string> columns, CohortOptions options)
    {
        if (options.Time is null && options.Event is null && Gdc(columns) is { } gdc) return gdc;
        string time = Pick(path, columns, options.Time, s_times, "survival time");
        string ev = Pick(path, columns, options.Event, s_events, "event");
        return new SurvivalColumns($"survival: time from '{time}', event from '{ev}'", [time, ev], (r, row) => new Survival(r.Number(time, row), r.Event(ev, row)));
    }

    /// <summary>The columns with usual names for time and event; null where there is none.</summary>
    internal static (string? Time, string? Event) Usual(IReadOnlyCollection<string> columns) =>
        (s_times.FirstOrDefault(columns.Contains), s_events.FirstOrDefault(columns.Contains));

    private static SurvivalColumns? Gdc(IReadOnlyCollection<string> columns)
    {
        string? vital = s_vital.FirstOrDefault(columns.Contains), death = s_death.FirstOrDefault(columns.Contains);
        string[] followUp = [.. s_lastFollowUp.Where(columns.Contains)];
        if (vital is null || death is null || followUp.Length == 0) return null;
        return new SurvivalColumns($"survival: '{death}' of patients with '{vital}' Dead, else the latest of '{string.Join("', '", followUp)}'", [vital, death, .. followUp], (r, row) =>
        {
            bool? dead = r.Event(vital, row);
            if (dead is null) return new Survival(null, null);
            double? time = dead.Value ? r.Number(death, row) : followUp.Select(f => r.Number(f, row)).Max();
            return new Survival(time, dead);
        });
    }

    private static string Pick(string path, IReadOnlyCollection<string> columns, string? stated, string[] usual, string what)
    {
        if (stated is not null)
            return columns.Contains(stated) ? stated : throw new InputException($"'{path}': has no column '{stated}' for the {what}; it has {List(columns)}.");
        return usual.FirstOrDefault(columns.Contains) ?? throw new InputException($"'{path}': no column has a usual name for the {what}; choose one of {List(columns)}.");
    }

    private static string List(IReadOnlyCollection<string> columns) =>
        string.Join(", ", columns.Take(40).Select(c => $"'{c}'")) + (columns.Count > 40 ? ", …" : "");
}
