using Cellcast.Analysis.Cohorts;
using Cellcast.AnnData;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Cohorts;

public sealed class GdcCohortTests : IDisposable
{
    private const string OldSheet = "File ID\tFile Name\tData Category\tData Type\tProject ID\tCase ID\tSample ID\tSample Type\n";
    private const string NewSheet = "File ID\tFile Name\tData Category\tData Type\tProject ID\tCase ID\tSample ID\tTissue Type\tTumor Descriptor\tSpecimen Type\tPreservation Method\n";

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private void Star(string file, params int[] counts) => _folder.Write($"{file}-id/{file}.rna_seq.augmented_star_gene_counts.tsv",
        "# gene-model: GENCODE v36\ngene_id\tgene_name\tgene_type\tunstranded\tstranded_first\tstranded_second\ttpm_unstranded\tfpkm_unstranded\tfpkm_uq_unstranded\n"
        + "N_unmapped\t\t\t111\t111\t111\t\t\t\nN_multimapping\t\t\t222\t222\t222\t\t\t\nN_noFeature\t\t\t333\t333\t333\t\t\t\nN_ambiguous\t\t\t444\t444\t444\t\t\t\n"
        + Gene("ENSG00000141510.18", "TP53", counts[0]) + Gene("ENSG00000146648.20", "EGFR", counts[1])
        + Gene("ENSG00000182378.15", "PLCXD1", counts[2]) + Gene("ENSG00000182378.15_PAR_Y", "PLCXD1", counts[3]));

    private static string Gene(string id, string name, int count) => $"{id}\t{name}\tprotein_coding\t{count}\t1\t1\t0.1\t0.1\t0.1\n";

    private static string HtSeqText(params int[] counts) =>
        $"ENSG00000141510.14\t{counts[0]}\nENSG00000146648.14\t{counts[1]}\n__no_feature\t99\n__ambiguous\t98\n__too_low_aQual\t0\n__not_aligned\t0\n__alignment_not_unique\t97\n";

    private string Failure(CohortOptions? options = null) => Assert.Throws<InputException>(() => GdcCohort.Build(_folder.Path, options)).Message;

    private void OldCart()
    {
        Star("a", 1, 10, 5, 0);
        Star("b", 2, 20, 5, 1);
        Star("c", 3, 30, 5, 0);
        Star("d", 4, 40, 5, 0);
        _folder.Write("a-id/logs/a.parcel", "x");
        _folder.Write("MANIFEST.txt", "id\tfilename\n");
        _folder.Write("gdc_sample_sheet.2023-01-01.tsv", OldSheet + Line("a", "TCGA-02-0047", "01B", "Primary Tumor") + Line("b", "TCGA-02-0047", "01A", "Primary Tumor")
            + Line("c", "TCGA-06-0125", "01A", "Primary Tumor") + Line("d", "TCGA-06-0125", "11A", "Solid Tissue Normal") + Line("gone", "TCGA-06-9999", "01A", "Primary Tumor"));
        _folder.Write("clinical.tsv", "case_id\tcase_submitter_id\tproject_id\tage_at_index\tdays_to_death\tdays_to_last_follow_up\tgender\tvital_status\ttreatment_type\tempty\n"
            + "u1\tTCGA-02-0047\tTCGA-GBM\t61\t448\t'--\tmale\tDead\tPharmaceutical Therapy, NOS\t'--\n"
            + "u1\tTCGA-02-0047\tTCGA-GBM\t61\t448\t'--\tmale\tDead\tRadiation Therapy, NOS\t'--\n"
            + "u2\tTCGA-06-0125\tTCGA-GBM\t48\t'--\t300\tfemale\tAlive\tRadiation Therapy, NOS\t'--\n"
            + "u2\tTCGA-06-0125\tTCGA-GBM\t48\t'--\t466\tfemale\tAlive\tRadiation Therapy, NOS\t'--\n");

        static string Line(string file, string patient, string vial, string type) =>
            $"{file}-id\t{file}.rna_seq.augmented_star_gene_counts.tsv\tTranscriptome Profiling\tGene Expression Quantification\tTCGA-GBM\t{patient}\t{patient}-{vial}\t{type}\n";
    }

    [Fact]
    public void A_cart_of_STAR_files_becomes_a_cohort()
    {
        OldCart();
        var cohort = GdcCohort.Build(_folder.Path);
        Assert.Equal(["TCGA-02-0047", "TCGA-06-0125"], cohort.Data.Obs.Index);
        Assert.Equal(["TCGA-02-0047-01A", "TCGA-06-0125-01A"], (IEnumerable<string?>)cohort.Data.Obs["sample"].ToText());
        Assert.Equal(["TP53", "EGFR", "PLCXD1"], cohort.Data.Var.Index);
        Assert.Equal([2, 20, 6, 3, 30, 5], cohort.Dense());
        Assert.Equal([448, 466], cohort.Times());
        Assert.Equal(["Dead", "Alive"], (IEnumerable<string?>)cohort.Events());
        Assert.Equal(new long[] { 61, 48 }, ((NumericColumn)cohort.Data.Obs["age_at_index"]).Values);
        Assert.False(cohort.Data.Obs.Contains("empty"));
        Assert.Equal("ENSG00000141510", cohort.Data.Var["gene_ids"].Text(0));

        string said = cohort.Report.Says();
        Assert.Contains("4 STAR count files", said);
        Assert.Contains("left out: 1 'Solid Tissue Normal' (TCGA-06-0125-11A)", said);
        Assert.Contains("1 further sample of a patient left out (of each the first by sample type, frozen before paraffin, then name) (TCGA-02-0047-01B)", said);
        Assert.Contains("1 count file of the sample sheet missing in the folder (gone.rna_seq", said);
        Assert.Contains("2 have several rows in 'clinical.tsv'", said);
    }

    [Fact]
    public void The_layout_of_2024_with_prefixed_columns_and_follow_ups_is_read()
    {
        Star("a", 1, 10, 5, 0);
        Star("b", 2, 20, 5, 0);
        Star("c", 3, 30, 5, 0);
        _folder.Write("gdc_sample_sheet.2025-01-01.tsv", NewSheet
            + "a-id\ta.rna_seq.augmented_star_gene_counts.tsv\tx\tx\tP\tC3L-1, C3L-1\tS-2, S-2\tTumor, Tumor\tPrimary, Primary\tSolid Tissue\tFFPE\n"
            + "b-id\tb.rna_seq.augmented_star_gene_counts.tsv\tx\tx\tP\tC3L-1\tS-3\tTumor\tPrimary\tSolid Tissue\tFrozen\n"
            + "c-id\tc.rna_seq.augmented_star_gene_counts.tsv\tx\tx\tP\tC3L-2\tS-4\tTumor\tMetastatic\tSolid Tissue\tFrozen\n");
        _folder.Write("clinical/clinical.tsv", "project.project_id\tcases.case_id\tcases.submitter_id\tdemographic.days_to_death\tdemographic.gender\tdemographic.vital_status\tdiagnoses.days_to_last_follow_up\tdiagnoses.tumor_grade\n"
            + "P\tu1\tC3L-1\t'--\tfemale\tAlive\t'--\tG2\nP\tu2\tC3L-2\t77\tmale\tDead\t70\tG3\n");
        _folder.Write("clinical/follow_up.tsv", "cases.case_id\tcases.submitter_id\tfollow_ups.days_to_follow_up\nu1\tC3L-1\t100\nu1\tC3L-1\t250\nu1\tC3L-1\t'--\n");
        var cohort = GdcCohort.Build(_folder.Path);
        Assert.Equal(["C3L-1"], cohort.Data.Obs.Index);
        Assert.Equal("S-3", cohort.Data.Obs["sample"].Text(0));
        Assert.Equal([250], cohort.Times());
        Assert.Equal("female", cohort.Data.Obs["gender"].Text(0));
        Assert.Equal([77], GdcCohort.Build(_folder.Path, new() { SampleTypes = ["Metastatic"] }).Times());
        Assert.Equal(2, GdcCohort.Build(_folder.Path, new() { SampleTypes = [] }).Patients);
    }

    [Fact]
    public void HTSeq_files_take_symbols_from_a_gene_map()
    {
        _folder.Write("a.htseq.counts.gz", HtSeqText(1, 2));
        _folder.Write("b.htseq.counts", HtSeqText(3, 4));
        _folder.Write("gdc_sample_sheet.tsv", OldSheet + "1\ta.htseq.counts.gz\tx\tx\tP\tTCGA-02-0047\tTCGA-02-0047-01A\tPrimary Tumor\n2\tb.htseq.counts.gz\tx\tx\tP\tTCGA-06-0125\tTCGA-06-0125-01A\tPrimary Tumor\n");
        _folder.Write("clinical.tsv", "submitter_id\tvital_status\tdays_to_death\tdays_to_last_follow_up\nTCGA-02-0047\tDead\t5\t'--\nTCGA-06-0125\tAlive\t'--\t9\n");
        Assert.Equal(["ENSG00000141510", "ENSG00000146648"], GdcCohort.Build(_folder.Path).Data.Var.Index);
        var cohort = GdcCohort.Build(_folder.Path, new() { GeneMap = _folder.Write("map.csv", "Gene stable ID,Gene name\nENSG00000141510,TP53\nENSG00000146648,EGFR\n") });
        Assert.Equal(["TP53", "EGFR"], cohort.Data.Var.Index);
        Assert.Equal([1, 2, 3, 4], cohort.Dense());
    }

    [Fact]
    public void Whoever_died_without_a_date_or_was_never_seen_again_is_left_out()
    {
        OldCart();
        _folder.Write("clinical.tsv", "case_submitter_id\tvital_status\tdays_to_death\tdays_to_last_follow_up\nTCGA-02-0047\tDead\t'--\t100\nTCGA-06-0125\tNot Reported\t'--\t9\n");
        string message = Failure();
        Assert.Contains("no patient is left", message);
        Assert.Contains("1 sample of patients without vital status left out (TCGA-06-0125-01A)", message);
        Assert.Contains("2 samples of patients without survival time left out (TCGA-02-0047-01B, TCGA-02-0047-01A)", message);
    }

    [Fact]
    public void The_number_of_threads_changes_nothing()
    {
        OldCart();
        Assert.Equal(GdcCohort.Build(_folder.Path, threads: 1).Dense(), GdcCohort.Build(_folder.Path, threads: 4).Dense());
    }

    [Fact]
    public void What_is_missing_or_damaged_is_named()
    {
        Assert.Contains("sample sheet", Failure());
        OldCart();
        File.Delete(_folder["clinical.tsv"]);
        Assert.Contains("clinical table (clinical.tsv)", Failure());
        _folder.Write("clinical.cart.2023.tar.gz", "x");
        Assert.Contains("unpack it (tar xzf)", Failure());
        OldCart();
        Assert.Contains("has no column 'counts'; it has 'gene_id', 'gene_name'", Failure(new() { StarColumn = "counts" }));

        string path = _folder["c-id/c.rna_seq.augmented_star_gene_counts.tsv"], good = File.ReadAllText(path);
        File.WriteAllText(path, good.Replace("EGFR\tprotein_coding\t30", "EGFR\tprotein_coding\tx", StringComparison.Ordinal));
        Assert.Contains("line 8, gene 'ENSG00000146648.20': 'x' is no count", Failure());
        File.WriteAllText(path, good[..good.IndexOf("ENSG00000182378", StringComparison.Ordinal)]);
        Assert.Contains("lists 2 genes where the other files list 4", Failure());
        File.WriteAllText(path, good.Replace("ENSG00000146648.20", "ENSG00000146648.19", StringComparison.Ordinal));
        Assert.Contains("different gene models", Failure());
    }
}
