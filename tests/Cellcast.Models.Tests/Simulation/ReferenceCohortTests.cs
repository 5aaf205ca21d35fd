using Cellcast.AnnData;
using Cellcast.Models.Simulation;

namespace Cellcast.Models.Tests.Simulation;

/// <summary>Cohorts mixed from given cells.</summary>
public class ReferenceCohortTests
{
    private const int Genes = 500;

    private static readonly SimulationParameters s_parameters = new() { Patients = 40, GradientTypes = 1, BulkDepth = 100_000, PlatformEffect = 0, BulkDispersion = 0 };

    private static AnnotatedData Reference()
    {
        var cells = StudySimulator.Simulate(new SimulationParameters { Cells = 500, Genes = Genes, Types = 3, Families = 2, GradientTypes = 1, Samples = 2, Patients = 10, CellDepth = 3000, GradientEffect = 1 }, 11).Cells;
        var obs = new DataFrame(cells.Obs.Index);
        obs["kind"] = cells.Obs["label"];
        obs["donor"] = cells.Obs["sample"];
        obs["hidden_state"] = cells.Obs["state"];
        return new AnnotatedData(obs, cells.Var, cells.X) { Source = "reference.h5ad" };
    }

    [Fact]
    public void Cells_keep_their_counts_and_columns_and_gain_the_answer()
    {
        var reference = Reference();
        var study = StudySimulator.FromReference(reference, "kind", "donor", s_parameters, 1);
        Assert.Equal(((SparseMatrix)reference.X!).Values, ((SparseMatrix)study.Cells.X!).Values);
        Assert.Equal(reference.Obs["kind"].ToText(), study.Cells.Obs["label"].ToText());
        Assert.Equal(reference.Obs["donor"].ToText(), study.Cells.Obs["sample"].ToText());
        Assert.True(study.Cells.Obs.Contains("hidden_state"));
        Assert.True(study.Cells.Obs.Contains("true_beta"));
        Assert.Equal(reference.Obs["kind"].ToText().Distinct().Order(), (string[])((NdArray)study.Bulk.Uns["types"]).Data);
    }

    [Fact]
    public void Patients_are_the_mixture_of_the_cells_that_their_truth_says()
    {
        var reference = Reference();
        var study = StudySimulator.FromReference(reference, "kind", null, s_parameters with { GradientTypes = 0 }, 2, threads: 2);
        Assert.All(Misfits(study, reference, [.. Enumerable.Range(0, reference.ObservationCount)]), IsChance);
    }

    [Fact]
    public void With_cells_apart_patients_are_mixed_from_cells_that_the_reference_lacks()
    {
        var reference = Reference();
        var study = StudySimulator.FromReference(reference, "kind", "donor", s_parameters with { GradientTypes = 0, CellsApart = 0.5 }, 2, threads: 2);
        var kept = study.Cells.Obs.Index.ToHashSet(StringComparer.Ordinal);
        int[] inside = [.. Enumerable.Range(0, reference.ObservationCount).Where(i => kept.Contains(reference.Obs.Index[i]))], outside = [.. Enumerable.Range(0, reference.ObservationCount).Except(inside)];
        Assert.Equal(inside.Select(i => reference.Obs["kind"].ToText()[i]), study.Cells.Obs["label"].ToText());
        foreach (string kind in study.Cells.Obs["label"].ToText().Distinct()!)
            Assert.InRange(inside.Count(i => reference.Obs["kind"].ToText()[i] == kind) - outside.Count(i => reference.Obs["kind"].ToText()[i] == kind), -1, 1);
        Assert.All(Misfits(study, reference, outside), IsChance);
        Assert.All(Misfits(study, reference, inside), chi => Assert.True(chi > 499 + 9 * 31.6, $"{chi}"));
    }

    // Chi-squared with about 499 degrees of freedom: mean 499, sd 31.6.
    private static void IsChance(double chi) => Assert.InRange(chi, 499 - 6 * 31.6, 499 + 6 * 31.6);

    /// <summary>Chi-squared of every patient: without platform effect and dispersion its expected counts are the shares times the mean profiles of the types.</summary>
    private static double[] Misfits(SimulatedStudy study, AnnotatedData reference, int[] cells)
    {
        string[] types = (string[])((NdArray)study.Bulk.Uns["types"]).Data;
        string?[] label = reference.Obs["kind"].ToText();
        var x = (SparseMatrix)reference.X!;
        var profiles = types.Select(_ => new double[Genes]).ToArray();
        foreach (int c in cells)
        {
            int k = Array.IndexOf(types, label[c]);
            double total = x.RowValues(c).ToArray().Sum(v => (double)v), n = cells.Count(i => label[i] == label[c]);
            for (int j = 0; j < x.RowIndices(c).Length; j++) profiles[k][x.RowIndices(c)[j]] += x.RowValues(c)[j] / total / n;
        }
        double[] shares = ((DenseMatrix)study.Bulk.Obsm["true_proportions"]).ToDouble();
        var bulk = (SparseMatrix)study.Bulk.X!;
        var chi = new double[bulk.Rows];
        for (int p = 0; p < bulk.Rows; p++)
        {
            double total = bulk.RowValues(p).ToArray().Sum(v => (double)v);
            for (int g = 0; g < Genes; g++)
            {
                double expected = total * Enumerable.Range(0, types.Length).Sum(k => shares[p * types.Length + k] * profiles[k][g]);
                chi[p] += expected > 0 ? Math.Pow(bulk[p, g] - expected, 2) / expected : 0;
            }
        }
        return chi;
    }

    [Fact]
    public void The_principal_direction_finds_the_gradient_that_is_there()
    {
        var reference = Reference();
        var study = StudySimulator.FromReference(reference, "kind", null, s_parameters with { GradientTypes = 3 }, 3);
        // One of the three types has an inner gradient by construction: along it the found state must agree with the hidden one.
        double[] hidden = ((NumericColumn)reference.Obs["hidden_state"]).ToDouble(), found = ((NumericColumn)study.Cells.Obs["state"]).ToDouble();
        string?[] label = reference.Obs["kind"].ToText();
        double best = label.Distinct().Max(type =>
        {
            int[] cells = [.. Enumerable.Range(0, label.Length).Where(i => label[i] == type)];
            return Math.Abs(Correlation([.. cells.Select(i => hidden[i])], [.. cells.Select(i => found[i])]));
        });
        Assert.True(best > 0.8, $"correlation {best:0.00}");
    }

    [Fact]
    public void Small_types_get_no_gradient()
    {
        var study = StudySimulator.FromReference(Reference().SelectObservations([.. Enumerable.Range(0, 60)]), "kind", null, s_parameters with { GradientTypes = 3 }, 3);
        string?[] label = study.Cells.Obs["label"].ToText();
        bool[] has = ((BooleanColumn)study.Cells.Obs["has_gradient"]).Values;
        for (int i = 0; i < has.Length; i++)
            if (has[i]) Assert.True(label.Count(l => l == label[i]) >= 40);
    }

    [Fact]
    public void Normalised_values_are_refused_with_the_cell_that_shows_it()
    {
        var reference = Reference();
        var x = (SparseMatrix)reference.X!;
        var normalised = new AnnotatedData(reference.Obs, reference.Var, new SparseMatrix(x.Rows, x.Columns, x.IndPtr, x.Indices, [.. x.Values.Select(v => MathF.Log(1 + v))])) { Source = "norm.h5ad" };
        var e = Assert.Throws<InputException>(() => StudySimulator.FromReference(normalised, "kind", null, s_parameters, 0));
        Assert.Contains("'norm.h5ad'", e.Message, StringComparison.Ordinal);
        Assert.Contains("cell0", e.Message, StringComparison.Ordinal);
        Assert.Contains("raw counts", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_absent_column_is_refused_with_those_there_are()
    {
        var e = Assert.Throws<InputException>(() => StudySimulator.FromReference(Reference(), "cell_type", null, s_parameters, 0));
        Assert.Contains("'kind'", e.Message, StringComparison.Ordinal);
    }

    private static double Correlation(double[] a, double[] b)
    {
        double ma = a.Average(), mb = b.Average(), ab = 0, aa = 0, bb = 0;
        for (int i = 0; i < a.Length; i++)
        {
            ab += (a[i] - ma) * (b[i] - mb);
            aa += (a[i] - ma) * (a[i] - ma);
            bb += (b[i] - mb) * (b[i] - mb);
        }
        return ab / Math.Sqrt(aa * bb);
    }
}
