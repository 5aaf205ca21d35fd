using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Analysis.Baselines;
using Cellcast.Analysis.Preprocessing;
using Cellcast.Analysis.Statistics;
using Cellcast.Survival;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests;

/// <summary>Glioblastoma patients of TCGA with a reference of 603 cells: what is known of them must come out.</summary>
public class RealCohortTests
{
    private static AnnotatedData Primary()
    {
        var bulk = H5adFile.Read(TestPaths.SharedData("tcga_gbm_bulk.h5ad"));
        return bulk.SelectObservations([.. Enumerable.Range(0, bulk.ObservationCount).Where(i => bulk.Obs["sample_type"].Text(i) == "Primary")]);
    }

    private static SurvivalData FollowUp(AnnotatedData bulk) =>
        new(((NumericColumn)bulk.Obs["survival_time"]).ToDouble(), [.. bulk.Obs["vital_status"].ToText().Select(s => s == "Dead")]);

    [SharedDataFact("tcga_gbm_bulk.h5ad")]
    public void Age_shortens_survival_as_published()
    {
        var bulk = Primary();
        var data = FollowUp(bulk);
        Assert.Equal((145, 115), (data.Count, data.EventCount));
        double[] age = ((NumericColumn)bulk.Obs["age"]).ToDouble();
        var x = new double[age.Length, 1];
        for (int i = 0; i < age.Length; i++) x[i, 0] = age[i];
        var fit = CoxRegression.Fit(data, x, new CoxOptions { Names = ["age"] });
        Assert.Equal(1.025, fit.HazardRatio(0).Estimate, 0.003);
        Assert.InRange(fit.PValues[0], 1e-4, 2e-3);
    }

    [SharedDataFact("tcga_gbm_bulk.h5ad", "gbm_composite_sc.h5ad")]
    public void Simple_shares_agree_with_the_published_fractions()
    {
        AnnotatedData cells = H5adFile.Read(TestPaths.SharedData("gbm_composite_sc.h5ad")), bulk = Primary();
        SparseMatrix x = cells.MatrixOf().ToSparse(), y = bulk.MatrixOf().ToSparse();
        var genes = GeneSelection.Select(new("cells", cells.Var.Index, x), new("bulk", bulk.Var.Index, y));
        Assert.InRange(genes.Genes.Count, 5000, 5010);
        var deconvolution = TypeDeconvolution.FromLabels(x.SelectColumns(genes.CellColumns), cells.Obs["label"].ToText());
        double[,] shares = deconvolution.Shares(y.SelectColumns(genes.BulkColumns));
        foreach (var (type, least) in new[] { ("Myeloid", 0.84), ("Astrocyte", 0.52), ("Endothelial", 0.5), ("Malignant", 0.47), ("Neuron", 0.6), ("Oligodendrocyte", 0.6) })
        {
            int t = Array.IndexOf([.. deconvolution.Types], type);
            double[] published = ((NumericColumn)bulk.Obs["instaprism_" + type]).ToDouble();
            double rho = Correlation.Spearman([.. Enumerable.Range(0, y.Rows).Select(s => shares[s, t])], published).Coefficient;
            Assert.True(rho >= least, $"{type} {rho:0.00}");
        }
    }

    [SharedDataFact("tcga_gbm_bulk.h5ad", "gbm_composite_sc.h5ad")]
    public void A_type_that_no_patient_has_does_not_stop_the_baseline()
    {
        AnnotatedData cells = H5adFile.Read(TestPaths.SharedData("gbm_composite_sc.h5ad")), bulk = Primary();
        SparseMatrix x = cells.MatrixOf().ToSparse(), y = bulk.MatrixOf().ToSparse();
        var genes = GeneSelection.Select(new("cells", cells.Var.Index, x), new("bulk", bulk.Var.Index, y));
        var fit = TypeSurvivalBaseline.Train(x.SelectColumns(genes.CellColumns), cells.Obs["label"].ToText(), y.SelectColumns(genes.BulkColumns), FollowUp(bulk));
        Assert.All(fit.Contributions, b => Assert.True(double.IsFinite(b)));
        Assert.Equal(0, fit.Contributions.Sum(), 1e-9);
    }
}
