using Cellcast.Analysis.Preprocessing;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Simulation;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Benchmark;

/// <summary>A labelled reference to mix cohorts from.</summary>
/// <param name="Cells">Raw counts.</param>
/// <param name="Label">Column of <c>obs</c> with the cell types.</param>
/// <param name="Batch">Column of <c>obs</c> with the samples, or null.</param>
public sealed record BenchmarkReference(AnnotatedData Cells, string Label, string? Batch);

/// <summary>One simulated cohort with its known answer, as the methods see it: test patients are marked, missing types are gone from the cells.</summary>
internal sealed class BenchmarkStudy
{
    private BenchmarkStudy(SimulatedStudy study, Split[] splits, SurvivalData survival, double[] trueLinearPredictor)
    {
        (Study, Splits, Survival, TrueLinearPredictor) = (study, splits, survival, trueLinearPredictor);
        Labels = study.Cells.Obs["label"].ToText();
        Cells = study.Cells.MatrixOf().ToSparse();
        Bulk = study.Bulk.MatrixOf().ToSparse();
        Fitted = [.. Enumerable.Range(0, splits.Length).Where(i => splits[i] != Split.Test)];
        Test = [.. Enumerable.Range(0, splits.Length).Where(i => splits[i] == Split.Test)];
    }

    /// <summary>Cells and patients with the truth, restricted to the types that the reference has.</summary>
    internal SimulatedStudy Study { get; }

    internal SparseMatrix Cells { get; }

    internal SparseMatrix Bulk { get; }

    internal string?[] Labels { get; }

    internal Split[] Splits { get; }

    /// <summary>Rows of the patients that may be learned from: training and validation.</summary>
    internal int[] Fitted { get; }

    internal int[] Test { get; }

    internal SurvivalData Survival { get; }

    internal double[] TrueLinearPredictor { get; }

    /// <summary>Simulates.</summary>
    internal static BenchmarkStudy Make(BenchmarkCase which, BenchmarkGrid grid, BenchmarkReference? reference, int threads, CancellationToken cancellation)
    {
        SimulationParameters parameters = which.Parameters(grid);
        SimulatedStudy whole = reference is null
            ? StudySimulator.Simulate(parameters, which.Seed, threads, cancellation: cancellation)
            : StudySimulator.FromReference(reference.Cells, reference.Label, reference.Batch, parameters, which.Seed, threads, cancellation);
        RandomKey key = RandomKey.From(which.Seed, "benchmark");
        bool[] died = [.. whole.Bulk.Obs["vital_status"].ToText().Select(s => s == "Dead")];
        double[] time = ((NumericColumn)whole.Bulk.Obs["survival_time"]).ToDouble();
        // Test patients come first: the same ones whatever the size of the cohort.
        Split[] splits = SplitsOf(died, grid.TestPatients, key.Split("split"));
        return new BenchmarkStudy(WithoutTypes(whole, which.MissingTypes, key.Split("missing types")), splits, new SurvivalData(time, died), ((NumericColumn)whole.Bulk.Obs["true_lp"]).ToDouble());
    }

    /// <summary>What scSurv learns from. Genes are chosen by the cells alone, so that cohorts with the same cells share them.</summary>
    internal ScSurvData Data(ScSurvOptions options)
    {
        int[] detected = Filters.CellsPerGene(Cells);
        int least = (int)Math.Floor(options.MinimumDetected * Cells.Rows);
        int[] columns = [.. Enumerable.Range(0, Cells.Columns).Where(g => detected[g] >= least)];
        string[] genes = [.. columns.Select(g => Study.Cells.Var.Index[g])];
        SparseMatrix x = Cells.SelectColumns(columns), b = Bulk.SelectColumns(columns);
        var selected = GeneSelection.Select(new CountTable("cells", genes, x), new CountTable("patients", genes, b), null,
            new GeneSelectionOptions { Count = options.Genes, MinimumDetected = 0, Source = GeneSource.Cells }, threads: 1);
        CategoricalColumn? samples = Study.Cells.Obs.TryGet("sample", out Column? column) ? CategoricalColumn.FromLabels(column.ToText()) : null;
        var cells = new ReferenceCells(Study.Cells.Obs.Index, x.SelectColumns(selected.CellColumns), samples?.Codes ?? [.. Enumerable.Repeat(-1, x.Rows)], samples?.Categories ?? []);
        return new ScSurvData(selected.Genes, cells, Mixtures.From(Study.Bulk.Obs.Index, b.SelectColumns(selected.BulkColumns)), Survival.Time.ToArray(), Survival.Event.ToArray(), Splits, null);
    }

    // Of the patients that are fitted, three quarters train and one quarter validates, separately among the dead and the others.
    private static Split[] SplitsOf(bool[] died, int test, RandomKey key)
    {
        var splits = new Split[died.Length];
        splits.AsSpan(0, test).Fill(Split.Test);
        foreach (bool stratum in (bool[])[true, false])
        {
            int[] members = [.. Enumerable.Range(test, died.Length - test).Where(i => died[i] == stratum)];
            int[] order = new RandomStream(key.Split(stratum ? "died" : "censored")).NextPermutation(members.Length);
            for (int i = 0; i < (int)Math.Round(members.Length / 4.0); i++) splits[members[order[i]]] = Split.Validation;
        }
        return splits;
    }

    private static SimulatedStudy WithoutTypes(SimulatedStudy study, int missing, RandomKey key)
    {
        if (missing == 0) return study;
        string[] types = (string[])((NdArray)study.Bulk.Uns["types"]).Data;
        if (missing > types.Length - 2) throw new InputException($"{missing} of {types.Length} types cannot be missing from the reference: at least 2 must stay; lower --missing-types.");
        var gone = new RandomStream(key).NextPermutation(types.Length)[..missing].ToHashSet();
        int[] kept = [.. Enumerable.Range(0, types.Length).Where(k => !gone.Contains(k))];
        var names = kept.Select(k => types[k]).ToHashSet(StringComparer.Ordinal);
        string?[] labels = study.Cells.Obs["label"].ToText();
        AnnotatedData cells = study.Cells.SelectObservations([.. Enumerable.Range(0, labels.Length).Where(i => names.Contains(labels[i]!))]);
        AnnotatedData bulk = study.Bulk.SelectObservations([.. Enumerable.Range(0, study.Bulk.ObservationCount)]);
        foreach (string known in (string[])["true_proportions", "true_state"]) bulk.Obsm[known] = ((DenseMatrix)study.Bulk.Obsm[known]).SelectColumns(kept);
        double[] beta = ((NdArray)study.Bulk.Uns["true_beta"]).ToDouble();
        bulk.Uns["types"] = new NdArray(kept.Select(k => types[k]).ToArray());
        bulk.Uns["true_beta"] = new NdArray(kept.Select(k => beta[k]).ToArray());
        return new SimulatedStudy(cells, bulk, null);
    }
}
