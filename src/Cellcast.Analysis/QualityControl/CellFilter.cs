namespace Cellcast.Analysis.QualityControl;

/// <summary>Limits within which cells and genes are kept; null: no limit.</summary>
public sealed record CellFilter
{
    /// <summary>Fewest genes with counts in a cell.</summary>
    public int? MinimumGenes { get; init; }

    /// <summary>Most genes with counts in a cell.</summary>
    public int? MaximumGenes { get; init; }

    /// <summary>Fewest counts of a cell.</summary>
    public double? MinimumCounts { get; init; }

    /// <summary>Most counts of a cell.</summary>
    public double? MaximumCounts { get; init; }

    /// <summary>Largest share of mitochondrial counts, in per cent.</summary>
    public double? MaximumPercentMitochondrial { get; init; }

    /// <summary>Fewest cells, of those that are kept, with counts of a gene.</summary>
    public int? MinimumCells { get; init; }

    /// <summary>Decides which cells are kept.</summary>
    /// <param name="metrics">Metrics of all cells, with the group <c>mt</c> if its share is limited.</param>
    public FilteredCells Cells(QualityMetrics metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        var mitochondrial = metrics.Groups.FirstOrDefault(g => g.Name == "mt");
        if (MaximumPercentMitochondrial is not null && mitochondrial is null) throw new ArgumentException("the metrics do not tell the share of mitochondrial counts", nameof(metrics));
        var kept = new List<int>();
        var dropped = new List<DroppedCells>();
        int few = 0, many = 0, low = 0, high = 0, dying = 0, empty = 0;
        for (int i = 0; i < metrics.TotalCounts.Length; i++)
        {
            int genes = metrics.GenesByCounts[i];
            double counts = metrics.TotalCounts[i];
            if (genes == 0) empty++;
            else if (genes < MinimumGenes) few++;
            else if (genes > MaximumGenes) many++;
            else if (counts < MinimumCounts) low++;
            else if (counts > MaximumCounts) high++;
            else if (MaximumPercentMitochondrial is { } most && mitochondrial!.Percent[i] > most) dying++;
            else kept.Add(i);
        }
        void Say(int n, string why)
        {
            if (n > 0) dropped.Add(new DroppedCells(n, why));
        }
        Say(empty, "without any count");
        Say(few, FormattableString.Invariant($"with fewer than {MinimumGenes} genes"));
        Say(many, FormattableString.Invariant($"with more than {MaximumGenes} genes"));
        Say(low, FormattableString.Invariant($"with fewer than {MinimumCounts} counts"));
        Say(high, FormattableString.Invariant($"with more than {MaximumCounts} counts"));
        Say(dying, FormattableString.Invariant($"with more than {MaximumPercentMitochondrial} % mitochondrial counts"));
        return new FilteredCells([.. kept], dropped);
    }
}

/// <summary>Cells that were left out for one reason: the first that applies.</summary>
/// <param name="Count">How many.</param>
/// <param name="Why">The reason, in words that follow "cells".</param>
public sealed record DroppedCells(int Count, string Why);

/// <summary>What a filter left.</summary>
/// <param name="Kept">Rows that are kept, ascending.</param>
/// <param name="Dropped">Why the others are not.</param>
public sealed record FilteredCells(int[] Kept, IReadOnlyList<DroppedCells> Dropped);
