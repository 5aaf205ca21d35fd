using System.Globalization;
using Cellcast.Analysis.Cohorts;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Clinical;

/// <summary>What the training patients said about one column: all that is needed to read it from new patients.</summary>
/// <param name="Name">Name of the column.</param>
/// <param name="Numeric">True for a number per unit, false for levels.</param>
/// <param name="Levels">Levels of the training patients, the reference level first; empty for numbers.</param>
/// <param name="Fill">Median of the training patients, which stands for a missing number.</param>
/// <param name="FillLevel">Level that stands for a missing one; <see cref="CovariateDesign.MissingLevel"/> where that is a level of its own; null for numbers.</param>
/// <param name="Indicator">True when missing numbers have a covariate of their own.</param>
public sealed record CovariateColumn(string Name, bool Numeric, IReadOnlyList<string> Levels, double Fill, string? FillLevel, bool Indicator);

/// <summary>One covariate of the design.</summary>
/// <param name="Name"><c>age</c>, <c>sex=MALE</c>, <c>age missing</c>.</param>
/// <param name="Column">The column it comes from.</param>
/// <param name="Level">The level it stands for; null for a number.</param>
/// <param name="Mean">Mean over the training patients, which is subtracted.</param>
/// <param name="Scale">What the centred value is divided by: the standard deviation over the training patients for numbers, 1 for levels. A coefficient over this is per unit.</param>
public sealed record CovariateTerm(string Name, string Column, string? Level, double Mean, double Scale);

/// <summary>
/// Clinical covariates as a matrix of numbers: fitted on the training patients (levels, reference level, medians, means, standard deviations) and applied to any patients by the names of
/// the columns, so that nothing of held-out patients enters it.
/// </summary>
public sealed class CovariateDesign
{
    /// <summary>The level of patients whose category is missing, where that is a level of its own.</summary>
    public const string MissingLevel = "(missing)";

    /// <summary>A design from what <see cref="Columns"/>, <see cref="Terms"/> and <see cref="Missing"/> gave.</summary>
    public CovariateDesign(IReadOnlyList<CovariateColumn> columns, IReadOnlyList<CovariateTerm> terms, MissingCovariates missing, IReadOnlyList<string>? notes = null)
    {
        ArgumentNullException.ThrowIfNull(columns);
        ArgumentNullException.ThrowIfNull(terms);
        (Columns, Terms, Missing, Notes) = (columns, terms, missing, notes ?? []);
    }

    /// <summary>The columns, in the order asked for.</summary>
    public IReadOnlyList<CovariateColumn> Columns { get; }

    /// <summary>The p covariates.</summary>
    public IReadOnlyList<CovariateTerm> Terms { get; }

    /// <summary>What is done with missing values.</summary>
    public MissingCovariates Missing { get; }

    /// <summary>What was decided and why, a sentence each, for the log.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Looks at the training patients.</summary>
    /// <param name="obs">Annotation of the cohort.</param>
    /// <param name="file">The file to name in errors.</param>
    /// <param name="requests">Columns to use.</param>
    /// <param name="training">Rows of the training patients.</param>
    /// <param name="missing">What is done with missing values.</param>
    /// <exception cref="InputException">A column is absent, constant, missing throughout, or not numeric where it should be; or a value is missing that may not be.</exception>
    public static CovariateDesign Fit(DataFrame obs, string file, IReadOnlyList<CovariateRequest> requests, ReadOnlySpan<int> training, MissingCovariates missing = MissingCovariates.Indicator)
    {
        ArgumentNullException.ThrowIfNull(obs);
        ArgumentNullException.ThrowIfNull(requests);
        int[] rows = training.ToArray();
        if (rows.Length == 0) throw new ArgumentException("no training patients", nameof(training));
        var columns = new List<CovariateColumn>();
        var terms = new List<CovariateTerm>();
        var notes = new List<string>();
        var indicators = new List<bool[]>();
        foreach (CovariateRequest request in requests)
        {
            Column column = obs.Require(request.Column, file);
            string at = $"'{file}', obs column '{request.Column}'";
            int[] unknown = [.. rows.Where(i => TextOf(column, i) is null)];
            if (unknown.Length == rows.Length) throw new InputException($"{at}: the value is missing in all {rows.Length} training patients; leave that covariate out.");
            if (missing == MissingCovariates.Refuse && unknown.Length > 0) throw MissingValue(at, obs, unknown[0]);
            bool numeric = request.Kind == CovariateKind.Numeric || (request.Kind == CovariateKind.Automatic && column is NumericColumn);
            if (numeric)
            {
                double[] known = [.. rows.Where(i => TextOf(column, i) is not null).Select(i => NumberOf(column, i, at, obs)).Order()];
                if (known[0] == known[^1]) throw new InputException($"{at}: all training patients have {Number(known[0])}; leave that covariate out.");
                double median = (known[(known.Length - 1) / 2] + known[known.Length / 2]) / 2;
                bool[] absent = [.. rows.Select(i => TextOf(column, i) is null)];
                // Columns of one form are often missing together: one indicator says it.
                bool indicator = missing == MissingCovariates.Indicator && unknown.Length > 0 && !indicators.Any(o => o.AsSpan().SequenceEqual(absent));
                var described = new CovariateColumn(request.Column, true, [], median, null, indicator);
                double[] values = [.. rows.Select(i => TextOf(column, i) is null ? median : NumberOf(column, i, at, obs))];
                double mean = values.Average(), sd = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
                columns.Add(described);
                terms.Add(new CovariateTerm(request.Column, request.Column, null, mean, sd));
                if (indicator)
                {
                    indicators.Add(absent);
                    terms.Add(new CovariateTerm(request.Column + " missing", request.Column, MissingLevel, (double)unknown.Length / rows.Length, 1));
                }
                notes.Add($"covariate {request.Column}: numeric, mean {Number(mean)}, standard deviation {Number(sd)}"
                    + (unknown.Length == 0 ? "" : $"; missing in {unknown.Length} of {rows.Length} training patients, taken as the median {Number(median)}{(indicator ? " with an indicator" : "")}"));
            }
            else
            {
                var counts = rows.Select(i => TextOf(column, i)).OfType<string>().GroupBy(t => t, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
                string[] inOrder = column is CategoricalColumn { Ordered: true } ordered ? [.. ordered.Categories.Where(counts.ContainsKey)] : [.. counts.Keys.Order(StringComparer.Ordinal)];
                string frequent = inOrder.MaxBy(l => counts[l])!, reference = request.Reference ?? frequent;
                if (!counts.TryGetValue(reference, out int compared)) throw new InputException($"{at}: no training patient has the reference level '{reference}'; the levels are {List(inOrder)}.");
                bool own = missing == MissingCovariates.Indicator && unknown.Length > 0;
                string[] levels = [reference, .. inOrder.Where(l => l != reference), .. own ? [MissingLevel] : Array.Empty<string>()];
                if (levels.Length == 1) throw new InputException($"{at}: all training patients have '{reference}'; leave that covariate out.");
                if (levels.Length - 1 > rows.Length / 2) throw new InputException($"{at}: {levels.Length} levels among {rows.Length} training patients are too many; merge levels, or write {request.Column}:numeric if these are numbers.");
                columns.Add(new CovariateColumn(request.Column, false, levels, double.NaN, own ? MissingLevel : frequent, false));
                foreach (string level in levels.Skip(1))
                    terms.Add(new CovariateTerm($"{request.Column}={level}", request.Column, level, (double)(level == MissingLevel ? unknown.Length : counts[level]) / rows.Length, 1));
                notes.Add($"covariate {request.Column}: levels {string.Join(", ", levels.Skip(1).Select(l => $"{l} ({(l == MissingLevel ? unknown.Length : counts[l])})"))} against {reference} ({compared})"
                    + (unknown.Length == 0 ? "" : own ? "" : $"; missing in {unknown.Length} of {rows.Length} training patients, taken as {frequent}"));
            }
        }
        return new CovariateDesign(columns, terms, missing, notes);
    }

    /// <summary>The covariates of any patients, centred and scaled by the training patients.</summary>
    /// <param name="obs">Annotation of the patients.</param>
    /// <param name="file">The file to name in errors.</param>
    /// <param name="unknown">What is done with levels that no training patient has.</param>
    /// <param name="warn">Is told in a sentence what was taken for missing.</param>
    /// <returns>Patients x p, row by row.</returns>
    /// <exception cref="InputException">A column is absent, a value is not a number, or a level is unknown.</exception>
    public double[] Apply(DataFrame obs, string file, UnknownLevels unknown = UnknownLevels.Refuse, Action<string>? warn = null)
    {
        ArgumentNullException.ThrowIfNull(obs);
        int n = obs.Length, p = Terms.Count, j = 0;
        var x = new double[n * p];
        foreach (CovariateColumn described in Columns)
        {
            Column column = obs.Require(described.Name, file);
            string at = $"'{file}', obs column '{described.Name}'";
            CovariateTerm[] own = [.. Terms.Skip(j).TakeWhile(t => t.Column == described.Name)];
            int filled = 0;
            var strange = new SortedSet<string>(StringComparer.Ordinal);
            for (int i = 0; i < n; i++)
            {
                string? text = TextOf(column, i);
                if (text is null && Missing == MissingCovariates.Refuse) throw MissingValue(at, obs, i);
                double number = described.Fill;
                string? level = described.FillLevel;
                if (described.Numeric)
                {
                    if (text is not null) number = NumberOf(column, i, at, obs);
                    else if (!described.Indicator) filled++;
                }
                else if (text is not null && described.Levels.Contains(text)) level = text;
                else if (text is not null)
                {
                    if (unknown == UnknownLevels.Refuse)
                        throw new InputException($"{at}: patient '{obs.Index[i]}' (row {i + 1}) has '{text}', which no training patient has; the levels are {List(described.Levels)}; correct it or empty it.");
                    strange.Add(text);
                }
                else if (level != MissingLevel) filled++;
                for (int k = 0; k < own.Length; k++)
                {
                    CovariateTerm term = own[k];
                    double value = term.Level is null ? number : described.Numeric ? (text is null ? 1 : 0) : level == term.Level ? 1 : 0;
                    x[i * p + j + k] = (value - term.Mean) / term.Scale;
                }
            }
            j += own.Length;
            if (filled > 0) warn?.Invoke($"{at}: missing in {filled} of {n} patients; taken as {(described.Numeric ? $"the training patients' median {Number(described.Fill)}" : $"'{described.FillLevel}'")}.");
            if (strange.Count > 0) warn?.Invoke($"{at}: {List(strange)} {(strange.Count == 1 ? "is a level" : "are levels")} that no training patient has; taken as {described.FillLevel}.");
        }
        return x;
    }

    private static InputException MissingValue(string at, DataFrame obs, int row) =>
        new($"{at}: the value of patient '{obs.Index[row]}' (row {row + 1}) is missing; fill it in, remove that patient, or allow missing values.");

    private static string? TextOf(Column column, int row)
    {
        string? text = column.Text(row)?.Trim();
        return text is null || AnnData.Tables.MissingValue.Is(text) || EventStatus.IsUnknown(text) ? null : text;
    }

    private static double NumberOf(Column column, int row, string at, DataFrame obs) =>
        double.TryParse(column.Text(row), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) ? value
            : throw new InputException($"{at}: patient '{obs.Index[row]}' (row {row + 1}) has '{column.Text(row)}', which is no finite number; correct it or use the column as categorical.");

    private static string Number(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

    private static string List(IEnumerable<string> levels) => string.Join(", ", levels.Take(12).Select(l => $"'{l}'")) + (levels.Count() > 12 ? ", …" : "");
}
