"""Safran and Shamir: spurious minima of a ReLU student that learns a ReLU teacher.

In:  paper/related/safran_shamir.csv                          counts and means of the work
Out: results/related/safran_shamir/{k}_{n}/descent.npz        end points of all runs
     results/related/safran_shamir/{k}_{n}/minima.npz         certificates and families of the spurious
     results/related/safran_shamir/{k}_{n}/cells.npz          the cell criterion on samples
     results/related/safran_shamir.csv, safran_shamir_families.csv, safran_shamir_agreement.csv,
     safran_shamir_cells.csv and the figures safran_shamir, safran_shamir_cells (.pdf, .png)
"""

SAFRAN_SHAMIR = WORKS["safran_shamir"]
STUDENTS = related_plan.students(SAFRAN_SHAMIR)
STUDENTS_IN_CELLS = related_plan.students_in_cells(SAFRAN_SHAMIR)


rule descend_student_teacher:
    output:
        "results/related/safran_shamir/{k}_{n}/descent.npz",
    log:
        "logs/descend_student_teacher/{k}_{n}.log",
    wildcard_constraints:
        k=r"\d+",
        n=r"\d+",
    conda:
        "../../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=120,
    params:
        seed=config["seed"],
        runs=SAFRAN_SHAMIR["runs"],
        settings=SAFRAN_SHAMIR["descent"],
        code=code_of("related/safran_shamir/descend_student_teacher"),
    script:
        "../../scripts/related/safran_shamir/descend_student_teacher.py"


rule certify_student_teacher:
    input:
        "results/related/safran_shamir/{k}_{n}/descent.npz",
    output:
        "results/related/safran_shamir/{k}_{n}/minima.npz",
    log:
        "logs/certify_student_teacher/{k}_{n}.log",
    wildcard_constraints:
        k=r"\d+",
        n=r"\d+",
    conda:
        "../../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=120,
    params:
        tolerance=SAFRAN_SHAMIR["family_tolerance"],
        code=code_of("related/safran_shamir/certify_student_teacher"),
    script:
        "../../scripts/related/safran_shamir/certify_student_teacher.py"


rule tabulate_safran_shamir:
    input:
        published=here("paper/related/safran_shamir.csv"),
        ends=related_plan.student_files("descent", STUDENTS),
        minima=related_plan.student_files("minima", STUDENTS),
    output:
        counts=related_result(
            "Safran and Shamir",
            "safran_shamir.csv",
            "safran_shamir/safran_shamir",
            "spurious minima",
            "table",
        ),
        families=related_result(
            "Safran and Shamir",
            "safran_shamir_families.csv",
            "safran_shamir/safran_shamir_families",
            "families of spurious minima",
            "table",
        ),
        agreement=related_result(
            "Safran and Shamir",
            "safran_shamir_agreement.csv",
            "safran_shamir/safran_shamir_agreement",
            "agreement with the published counts",
            "table",
        ),
    log:
        "logs/tabulate_safran_shamir.log",
    localrule: True
    conda:
        "../../envs/relucells.yaml"
    params:
        students=[list(student) for student in STUDENTS],
        confidence=config["confidence"],
        code=code_of("related/safran_shamir/tabulate_safran_shamir"),
    script:
        "../../scripts/related/safran_shamir/tabulate_safran_shamir.py"


rule plot_safran_shamir:
    input:
        counts="results/related/safran_shamir.csv",
        published=here("paper/related/safran_shamir.csv"),
    output:
        related_result(
            "Safran and Shamir",
            "safran_shamir.png",
            "safran_shamir/safran_shamir",
            "share of spurious runs",
            "figure",
        ),
        "results/related/safran_shamir.pdf",
    log:
        "logs/plot_safran_shamir.log",
    localrule: True
    conda:
        "../../envs/relucells.yaml"
    params:
        confidence=config["confidence"],
        code=code_of("related/safran_shamir/plot_safran_shamir"),
    script:
        "../../scripts/related/safran_shamir/plot_safran_shamir.py"


rule check_student_teacher_cells:
    input:
        "results/related/safran_shamir/{k}_{n}/minima.npz",
    output:
        "results/related/safran_shamir/{k}_{n}/cells.npz",
    log:
        "logs/check_student_teacher_cells/{k}_{n}.log",
    wildcard_constraints:
        k=r"\d+",
        n=r"\d+",
    conda:
        "../../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=240,
    params:
        seed=config["seed"],
        settings={
            key: value
            for key, value in SAFRAN_SHAMIR["cells"].items()
            if key != "students"
        },
        code=code_of("related/safran_shamir/check_student_teacher_cells"),
    script:
        "../../scripts/related/safran_shamir/check_student_teacher_cells.py"


rule tabulate_student_teacher_cells:
    input:
        minima=related_plan.student_files("minima", STUDENTS_IN_CELLS),
        cells=related_plan.student_files("cells", STUDENTS_IN_CELLS),
    output:
        table=related_result(
            "Safran and Shamir",
            "safran_shamir_cells.csv",
            "safran_shamir/safran_shamir_cells",
            "the cell criterion on samples",
            "table",
        ),
        png=related_result(
            "Safran and Shamir",
            "safran_shamir_cells.png",
            "safran_shamir/safran_shamir_cells",
            "the cell criterion on samples",
            "figure",
        ),
        pdf="results/related/safran_shamir_cells.pdf",
    log:
        "logs/tabulate_student_teacher_cells.log",
    localrule: True
    conda:
        "../../envs/relucells.yaml"
    params:
        students=[list(student) for student in STUDENTS_IN_CELLS],
        confidence=config["confidence"],
        code=code_of("related/safran_shamir/tabulate_student_teacher_cells"),
    script:
        "../../scripts/related/safran_shamir/tabulate_student_teacher_cells.py"


rule safran_shamir:
    input:
        TARGETS["safran_shamir"],
