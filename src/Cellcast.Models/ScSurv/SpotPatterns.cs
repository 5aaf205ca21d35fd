using System.Text.Json.Nodes;
using Cellcast.Analysis.Spatial;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Models.ScSurv;

/// <summary>How the hazard lies in a tissue section: smoothed over neighbours, Moran's I, regions of high and low hazard, genes that follow it.</summary>
public sealed class SpotPatterns
{
    /// <summary>Key of obsm with the coordinates of the spots.</summary>
    public const string Coordinates = "spatial";

    private SpotPatterns(double[] smooth, MoransI? moran, SpatialRegions regions, CsvFile genes) => (Smooth, Moran, Regions, Genes) = (smooth, moran, regions, genes);

    /// <summary>Log hazard of each spot, half its own and half its neighbours' mean.</summary>
    public double[] Smooth { get; }

    /// <summary>Moran's I of the log hazard; null when it is the same everywhere.</summary>
    public MoransI? Moran { get; }

    /// <summary>Regions of high and low log hazard.</summary>
    public SpatialRegions Regions { get; }

    /// <summary><c>spot_genes.csv</c>: correlation of each gene's expression (log1p of counts per unit of size) with the log hazard over spots, most positive first.
    /// The p values allow for neighbouring spots being alike (<see cref="SpatialCorrelation"/>).</summary>
    public CsvFile Genes { get; }

    /// <summary>Looks at the coordinates before hours of training, not after.</summary>
    /// <param name="spatial">The spots as they were read.</param>
    /// <returns>Why there can be no patterns although there are coordinates; null otherwise.</returns>
    /// <exception cref="InputException">A coordinate is no finite number.</exception>
    public static string? Check(AnnotatedData spatial)
    {
        ArgumentNullException.ThrowIfNull(spatial);
        if (!spatial.Obsm.TryGet(Coordinates, out DenseMatrix? at) || at.Rows != spatial.ObservationCount || at.Rows == 0) return null;
        string where = $"'{spatial.Source ?? "the spots"}', obsm/{Coordinates}";
        if (at.ElementType == typeof(string)) throw new InputException($"{where}: holds text, but coordinates are numbers; correct it, or remove it to go without maps.");
        float[] x = at.ToSingle();
        int bad = Array.FindIndex(x, v => !float.IsFinite(v));
        if (bad >= 0) throw new InputException($"{where}: spot '{spatial.Obs.Index[bad / at.Columns]}' (row {bad / at.Columns + 1}) has a coordinate that is no finite number; remove that spot, or all of obsm/{Coordinates} to go without maps.");
        return at.Columns < 2 ? $"{where} has {at.Columns} column, and a map needs two: there will be no map of the tissue and no genes that follow its hazard."
            : OnOnePoint(at) ? $"{where}: all spots lie on one point: there will be no regions, and no genes that follow the hazard." : null;
    }

    private static bool OnOnePoint(DenseMatrix at)
    {
        float[] x = at.ToSingle();
        for (int i = at.Columns; i < x.Length; i++)
            if (x[i] != x[i - at.Columns]) return false;
        return true;
    }

    /// <summary>Finds the patterns; null where the spots have no coordinates, lie on one point or are too few.</summary>
    /// <param name="spatial">The spots as they were read.</param>
    /// <param name="spots">Their counts on the selected genes.</param>
    /// <param name="genes">Names of the genes.</param>
    /// <param name="logHazard">Log hazard of each spot.</param>
    /// <param name="neighbours">Neighbours of a spot.</param>
    /// <param name="threads">Threads, 0 for all cores; nothing depends on them.</param>
    public static SpotPatterns? Of(AnnotatedData spatial, Mixtures spots, IReadOnlyList<string> genes, double[] logHazard, int neighbours = 6, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(spatial);
        ArgumentNullException.ThrowIfNull(spots);
        ArgumentNullException.ThrowIfNull(genes);
        ArgumentNullException.ThrowIfNull(logHazard);
        if (!spatial.Obsm.TryGet(Coordinates, out DenseMatrix? at) || at.Rows != logHazard.Length || at.Columns < 2 || logHazard.Length <= neighbours + 1 || OnOnePoint(at)) return null;
        SpatialGraph graph = SpatialGraph.Build(at, neighbours, threads);
        bool varies = logHazard.Max() - logHazard.Min() > 1e-12;
        void Expression(int firstSpot, int count, int firstGene, int width, Span<float> tile)
        {
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<float> counts = spots.Counts.AsSpan(checked((firstSpot + i) * genes.Count + firstGene), width);
                for (int g = 0; g < width; g++) tile[i * width + g] = MathF.Log(1 + counts[g] / spots.Size[firstSpot + i]);
            }
        }

        RankedGene[] ranked = GeneRanking.Rank(genes.Count, logHazard, Expression, threads: threads);
        SpatialCorrelationTest[] tests = SpatialCorrelation.Build(at, threads).Test(logHazard, genes.Count, Expression, threads);
        double[] q = MultipleTesting.BenjaminiHochberg([.. tests.Select(t => t.PValue)]);
        int[] order = [.. Enumerable.Range(0, genes.Count).OrderBy(g => double.IsNaN(tests[g].Coefficient)).ThenByDescending(g => tests[g].Coefficient).ThenBy(g => genes[g], StringComparer.Ordinal)];
        CsvFile table = new CsvFile()
            .Add("gene", order.Select(g => genes[g]).ToArray())
            .Add("pearson", order.Select(g => tests[g].Coefficient).ToArray())
            .Add("spearman", order.Select(g => ranked[g].Spearman.Coefficient).ToArray())
            .Add("effective_spots", order.Select(g => tests[g].EffectiveSpots).ToArray())
            .Add("pearson_p", order.Select(g => tests[g].PValue).ToArray())
            .Add("pearson_q", order.Select(g => q[g]).ToArray());
        return new SpotPatterns(graph.Smooth(logHazard), varies ? MoransI.Compute(logHazard, graph) : null, SpatialRegions.Find(logHazard, graph), table);
    }

    /// <summary>Adds columns to the spots.</summary>
    /// <param name="obs">Annotation of the spots.</param>
    public void AddTo(DataFrame obs)
    {
        ArgumentNullException.ThrowIfNull(obs);
        obs.Set("log_hazard_smooth", Smooth);
        obs.Set("hazard_z", Regions.Z);
        obs.Set("hazard_q", Regions.QValue);
        obs["hazard_region"] = CategoricalColumn.FromLabels([.. Regions.Kind.Select((k, i) => k == RegionKind.None ? "none" : $"{(k == RegionKind.High ? "high" : "low")} {Regions.Region[i]}")]);
    }

    /// <summary>Moran's I and the regions, for <c>metrics.json</c>.</summary>
    public JsonObject Metrics() => new()
    {
        ["moran_i"] = Moran?.Value,
        ["moran_expected"] = Moran?.Expected,
        ["moran_standard_error"] = Moran?.StandardError,
        ["moran_p"] = Moran?.PValue,
        ["spots_in_high_regions"] = Regions.Kind.Count(k => k == RegionKind.High),
        ["spots_in_low_regions"] = Regions.Kind.Count(k => k == RegionKind.Low),
        ["regions"] = Regions.Region.Max(),
    };
}
