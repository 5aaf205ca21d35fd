using System.Globalization;

namespace Cellcast.Models.ScSurv;

/// <summary>A direction of expression in which patients differ although no cell of the reference does.</summary>
/// <param name="Deviation">Standard deviation over patients, as a share of cells that differ from those of the reference by as much as two of its types do.</param>
/// <param name="Genes">Genes that go up most, as indices into those of the model, the first most: relative to their mean rate and the mean of all genes.</param>
public sealed record UnexplainedDirection(double Deviation, IReadOnlyList<int> Genes);

/// <summary>What patients differ in and no cell of the reference explains.</summary>
/// <param name="Share">How much there is, as a share of cells: that of cells as far from those of the reference as two of its types are from one another (sum of absolute differences of the rates) which
/// change the expression of a patient as much, relative to the average patient; mean over patients.</param>
/// <param name="Largest">The same of the patient who has most.</param>
/// <param name="Directions">The directions; empty where nothing stands out from chance.</param>
public sealed record UnexplainedExpression(double Share, double Largest, IReadOnlyList<UnexplainedDirection> Directions)
{
    /// <summary>Share from which on users are warned: with two of eight types of a simulated cohort missing it is about .1, with none 0.</summary>
    public const double Notable = 0.03;

    /// <summary>A share in words.</summary>
    /// <param name="share">As <see cref="Share"/>; beyond 1, where patients are unlike all cells, the number says nothing.</param>
    public static string HowMuch(double share) =>
        share < 1 ? string.Create(CultureInfo.InvariantCulture, $"about as much as {100 * share:0} % of their cells could make") : "more than all of their cells could make";

    /// <summary>A sentence for users; null where there is nothing to say.</summary>
    /// <param name="genes">Names of the genes of the model.</param>
    public string? Describe(IReadOnlyList<string> genes)
    {
        const int directions = 3, named = 5;
        if (Directions.Count == 0) return null;
        string which = string.Join("; ", Directions.Take(directions).Select(d => string.Join(", ", d.Genes.Take(named).Select(g => genes[g]))));
        return string.Create(CultureInfo.InvariantCulture, $"patients differ in {Directions.Count} direction{(Directions.Count == 1 ? "" : "s")} of expression that no cell of the reference explains, on average {HowMuch(Share)}, with most of {which}")
            + (Share < Notable ? "." : ": cell types or states may be missing from the reference. What that does to the outcome is kept apart from the contributions of the cells; add such cells to see theirs.");
    }
}
